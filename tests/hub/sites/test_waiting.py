"""What waits at a site is kept in order, and says how old it is when it goes on."""

from __future__ import annotations

import json

import pytest

from hub.errors import HubError
from hub.sites.errors import GatewayError
from hub.sites.forward import ForwardSettings
from hub.sites.stamped import is_for_now_alone, stamped
from hub.sites.waiting import WaitingMessages

TOPIC = "HomeKit/esp_1/$batch"


class Clock:
    boot, at, day = "first", 50.0, 1_700_000_000.0

    def now(self):
        return self.at

    def wall(self):
        return self.day


def test_both_forms_of_a_batch_grow_older():
    # docs/topics.md: [seq, age, name, value], and rows of [seq, age, value, ...].
    said = {
        "boot": "0badcafe", "up": 100, "after": 3, "report": [90, 120, -60],
        "readings": [[4, 2, "TemperatureSensor/CurrentTemperature", 20.5], [5, "x", "a", 1], 7],
        "rows": [[6, 0.5, 20.5, None, 41]],
    }  # fmt: skip
    assert json.loads(stamped(TOPIC, json.dumps(said).encode(), 3600.25)) == {
        **said, "up": 3700.25,
        "readings": [
            [4, 3602.25, "TemperatureSensor/CurrentTemperature", 20.5], [5, "x", "a", 1], 7,
        ],
        "rows": [[6, 3600.75, 20.5, None, 41]],
    }  # fmt: skip
    # What cannot be read, or not be counted on: too deep, too large, half a character.
    strange = (b"[" * 9000, b'{"up": %s}' % (b"9" * 400), b'{"up": 1, "x": "\\ud800"}')
    assert [stamped(TOPIC, one, 5.0) for one in strange] == list(strange)
    for payload in (b"", b"\xff", b"[1]", b'"x"', b'{"up": true, "readings": {}}'):
        again = stamped(TOPIC, payload, 5.0)
        assert again == payload or json.loads(again) == json.loads(payload)
    report = b'{"boot": "0badcafe", "up": 7}'
    assert stamped("HomeKit/esp_1/$report", report, 5.0) == report


def test_what_is_said_for_now_alone_is_not_brought_late():
    value = "HomeKit/esp_1/TemperatureSensor/CurrentTemperature"
    assert is_for_now_alone(value, 61)
    assert not is_for_now_alone(value, 59)
    assert not any(
        is_for_now_alone(f"HomeKit/esp_1/{name}", 9e5)
        for name in ("$batch", "$report", "$online", "$ota/state")
    )


def test_messages_are_there_after_a_restart_in_order(tmp_path):
    file, clock = tmp_path / "waiting", Clock()
    with WaitingMessages(file, clock) as waiting:
        for n in range(3):
            waiting.put(f"HomeKit/a/t{n}", bytes([n]), 1, retain=False)
            clock.at, clock.day = clock.at + 10, clock.day + 10
        waiting.forget([waiting.first("a")[0].number])
    assert file.stat().st_mode & 0o777 == 0o600
    with WaitingMessages(file, clock) as waiting:
        assert [(one.topic, one.waited) for one in waiting.first("a")] == [
            ("HomeKit/a/t1", 20),
            ("HomeKit/a/t2", 10),
        ]
        # The machine was off for an hour: its own clock began anew, the day's went on.
        clock.boot, clock.at, clock.day = "second", 1.0, clock.day + 3600
        assert [one.waited for one in waiting.first("a")] == [3620, 3610]
        clock.day -= 9999  # set back: nothing is younger than it is
        assert [one.waited for one in waiting.first("a")] == [0, 0]
    with WaitingMessages(file, clock, most=1) as waiting:
        waiting.put("HomeKit/a/t3", b"", 0, retain=False)
        assert ([one.topic for one in waiting.first("a")], waiting.dropped) == (["HomeKit/a/t3"], 2)
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(GatewayError, match="name another with --queue"):
        WaitingMessages(file, clock).__enter__()


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("{}", 0o644, "holds passwords, and others can read it"),
        ("{}", 0o600, "is no file of `dormouse site forwarder`"),
        ("[", 0o600, "is no file of `dormouse site forwarder`"),
        ('{"hub": "http://x", "here": "mqtt://x", "devices": []}', 0o600, "mqtt://user"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_a_line(tmp_path, text, mode, why):
    path = tmp_path / "forward.json"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(HubError, match=why) as refused:
        ForwardSettings.of(path)
    assert len(str(refused.value).splitlines()) == 1
