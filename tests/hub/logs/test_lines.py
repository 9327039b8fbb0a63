"""A line of the log: one line, bounded, without secrets; read again, chosen, followed."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from host.cli import root
from hub.errors import SettingsError
from hub.logs.commands import moment
from hub.logs.presence import PresenceLog
from hub.logs.read import LogChoice, NoLogError, follow, for_tenant, newest, text_of
from hub.runtime import log_setup
from hub.runtime.log_events import EVENTS
from hub.runtime.log_lines import JsonLines, TextLines, without_secrets
from hub.runtime.log_setup import LogLevel, kept_log

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def record(text: str, *arguments: object, level: int = logging.INFO, **extra: object):
    made = logging.LogRecord("hub.mqtt.source", level, "", 0, text, arguments, None)
    made.__dict__.update(extra)
    made.created = NOW.timestamp()
    return made


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET http://hub.local:8080/join/9sZ_4-xYabc123 failed", "9sZ_4-xYabc123"),
        ("paired with 031-45-154", "031-45-154"),
        ("X-HM://0023ISYWYABCD", "0023ISYWYABCD"),
        ("mqtt://hub:s3cret@broker:1883 is away", "s3cret"),
        ("postgresql://u:p%40ss@db/x", "p%40ss"),
        ('{"password": "s3cret", "id": 1}', "s3cret"),
        ("password=s3cret", "s3cret"),
        ("Authorization: Bearer abc.def-123456", "abc.def-123456"),
        ("psk='cellar door'", "'cellar"),
        ("AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZ", "QQQSYQ"),
        ("token: dm_0123456789", "dm_0123456789"),
    ],
)
def test_what_opens_something_is_left_out(text: str, secret: str):
    assert secret not in without_secrets(text)
    assert secret not in JsonLines().format(record("%s", text))
    assert secret not in TextLines().format(record("%s", text))


@pytest.mark.parametrize(
    "text",
    [
        "esp8266_1a2b3c4d is not heard any more",
        "backup dormouse-0badcafe-000007-20260301T020005Z.backup: 3 rows",
        "the database is upgraded from schema 0030 to 0031",
        "3 of 12-34-5678 at 192.168.1.7:1883",
    ],
)
def test_what_opens_nothing_stays(text: str):
    assert without_secrets(text) == text


def test_whatever_comes_it_is_one_line_of_bounded_length():
    evil = "a\r\n2026 FATAL owned\x1b[2J\x00\u2028\x85" + "x" * 100_000
    for form in (JsonLines(), TextLines()):
        line = form.format(record("%s", evil))
        assert len(line.splitlines()) == 1
        assert "\x1b" not in line
        assert len(line) < 5000
    event = record("x", event="backup-failed", event_fields={"backup": "b", "reason": evil})
    assert json.loads(JsonLines().format(event))["reason"].startswith("a\\x0d\\x0a2026 FATAL")


def test_a_trace_is_told_without_secrets():
    try:
        raise ValueError("password=s3cret")  # noqa: TRY301
    except ValueError:
        made = record("it failed")
        made.exc_info = sys.exc_info()
    line = json.loads(JsonLines().format(made))
    assert line["trace"][-1] == "ValueError: password=..."
    assert "s3cret" not in TextLines().format(made)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch):
    """A log that is rotated every 2 kB."""
    monkeypatch.setattr(log_setup, "_BYTES", 2000)
    hub = logging.getLogger("hub")
    before = hub.level
    hub.setLevel(logging.DEBUG)
    with kept_log(tmp_path):
        yield tmp_path
    hub.setLevel(before)


def everything(_line) -> bool:
    return True


def test_it_is_kept_in_files_of_bounded_size(kept: Path):
    log = logging.getLogger("hub.test")
    for n in range(200):
        log.info("line %d", n)
    files = sorted((kept / "log").iterdir())
    assert len(files) == 5
    assert all(
        path.stat().st_size < 2100 and path.stat().st_mode & 0o777 == 0o600 for path in files
    )
    lines = newest(kept, everything, 1000)
    assert [line["text"] for line in lines] == [f"line {n}" for n in range(200 - len(lines), 200)]
    assert [line["text"] for line in newest(kept, everything, 2)] == ["line 198", "line 199"]


def test_what_a_power_cut_left_of_a_line_is_passed_over(kept: Path):
    logging.getLogger("hub.test").info("before")
    with (kept / "log" / "hub.jsonl").open("a") as file:
        file.write('{"at": "2026-03-0\n[]\n{"level": "info"}\n\x00\x00\n')
    logging.getLogger("hub.test").info("after")
    assert [line["text"] for line in newest(kept, everything, 10)] == ["before", "after"]


def test_following_goes_on_over_a_rotation(kept: Path):
    log, said = logging.getLogger("hub.test"), iter(range(100))
    found = follow(kept, everything, pause=lambda _: log.info("line %d", next(said)))
    log.info("before it is followed")
    assert [next(found)["text"] for _ in range(50)] == [f"line {n}" for n in range(50)]
    found.close()


def test_lines_are_chosen(kept: Path):
    EVENTS.device_lost.log(device="a1", tenant="home", silent_s=3)
    EVENTS.device_back.log(device="b2", tenant="beach", silent_s=3)
    EVENTS.hub_stopped.log(version="1", seconds=2)
    logging.getLogger("hub.x").warning("no clock of a1: %s", "odd")
    logging.getLogger("hub.x").warning("no clock of a11")

    def texts(**choice: object) -> list[str]:
        return [line["text"] for line in newest(kept, LogChoice(**choice).takes, 9)]

    assert texts(device="a1") == ["a1 is not heard any more", "no clock of a1: odd"]
    assert texts(event="device-back") == ["b2 is heard again"]
    assert len(texts(level=LogLevel.WARNING)) == 3
    assert texts(since=datetime.now(UTC) + timedelta(seconds=5)) == []
    # No tenant sees another's, nor what names no tenant and is not everybody's.
    seen = newest(kept, for_tenant("beach"), 9)
    assert [line["event"] for line in seen] == ["device-back", "hub-stopped"]
    assert "(device=a1 tenant=home silent_s=3)" in text_of(newest(kept, everything, 9)[0])

    def run(*words: str) -> str:
        done = CliRunner().invoke(root(), ["logs", "--data-dir", str(kept), *words])
        assert done.exit_code == 0, done.output
        return done.output

    assert len(run().splitlines()) == 5
    (kept / "empty").mkdir()
    for folder in (kept / "none", kept / "empty"):
        with pytest.raises(NoLogError, match="no hub ever wrote a log here"):
            CliRunner().invoke(root(), ["logs", "--data-dir", str(folder)], catch_exceptions=False)
    assert json.loads(run("--json", "--event", "device-lost"))["device"] == "a1"


def test_times_are_read_as_people_write_them():
    assert moment("90m", NOW) == NOW - timedelta(minutes=90)
    assert moment("2026-03-01T12:00:00+01:00", NOW) == NOW - timedelta(hours=1)
    for wrong in ("yesterday", "5y", "-3h", "2026-13-01"):
        with pytest.raises(SettingsError, match="write 30m, 2h or 7d"):
            moment(wrong, NOW)


class Bridge:
    def __init__(self, devices: dict[str, bool]) -> None:
        self.devices = devices

    def names(self) -> dict[str, str]:
        return dict.fromkeys(self.devices, "")

    def available(self, device: str) -> bool:
        return self.devices[device]


def test_devices_are_lost_and_back_once(caplog):
    caplog.set_level(logging.INFO, "hub.events")
    bridge, at = Bridge({"a": True, "b": False}), [0.0]
    told = PresenceLog(lambda: {"home": bridge}, clock=lambda: at[0])

    def look() -> list[tuple[str, dict]]:
        caplog.clear()
        told.look()
        return [(one.event, one.event_fields) for one in caplog.records]

    assert look() == []
    bridge.devices["a"], at[0] = False, 60.0
    lost = {"device": "a", "tenant": "home", "silent_s": 60}
    assert look() == [("device-lost", lost)]
    assert look() == []
    bridge.devices |= {"a": True, "b": True}
    assert [(name, fields["device"]) for name, fields in look()] == [
        ("device-back", "a"),
        ("device-back", "b"),
    ]
    # A power cut: so many lines and no more.
    bridge.devices |= {f"d{n:03}": True for n in range(120)}
    assert look() == []
    bridge.devices = dict.fromkeys(bridge.devices, False)
    said = look()
    assert len(said) == 51
    assert said[-1] == ("devices-lost", {"devices": 72, "tenant": "home"})
