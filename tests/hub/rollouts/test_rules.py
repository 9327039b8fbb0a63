"""The judge of recorded histories finds each kind of broken rule."""

from __future__ import annotations

import pytest

from tests.support.rollout_rules import broken_rules

WAVES = {"a": 0, "b": 1, "c": 1}
OPTIONS = {"attempts": 2, "streams": 1, "canary": 1, "halt_at": "2"}
STEPS = ("pending", "commanded", "accepted", "updating", "verifying", "updated")


def history(*lines: str) -> list[dict]:
    """`"a commanded 7"`, `"a health good"`, `"phase paused"`, `"wave 1"` as recorded events."""
    events, was = [], {"phase": "running", "wave": "0"}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if words[0] in {"phase", "wave"}:
            what, device, after, key = words[0], None, words[1], words[0]
        elif words[1] == "health":
            what, device, after, key = "health", words[0], words[2], f"{words[0]} health"
        else:
            what, device, after, key = "state", words[0], words[1], words[0]
        command = int(words[2]) if what == "state" and len(words) > 2 else None
        before = was.get(key, "")
        was[key] = after
        events.append({"id": number, "what": what, "device": device, "before": before,
                       "after": after, "command": command})  # fmt: skip
    return events


def whole(device: str, command: int = 1) -> list[str]:
    return [f"{device} {step}" + f" {command}" * (step == "commanded") for step in STEPS]


GOOD = [
    "b pending", "c pending", *whole("a"), "a health watched", "a health good", "wave 1",
    *whole("b")[1:], *whole("c")[1:], "phase done",
]  # fmt: skip


def test_a_good_one_breaks_none():
    assert broken_rules(history(*GOOD), WAVES, OPTIONS) == []


def changed(old: str, *new: str) -> list[str]:
    at = GOOD.index(old)
    return [*GOOD[:at], *new, *GOOD[at + 1 :]]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (changed("wave 1"), "of wave 1 is commanded in wave 0"),
        (changed("a health good"), "with a of wave 0 updated watched"),
        (changed("a health good", "a health bad"), "with a of wave 0 updated bad"),
        (changed("wave 1", "wave 1", "phase paused"), "commanded while it is paused"),
        (changed("b commanded 1", "b commanded 1", "b accepted", "b updating", "c commanded 1",
                 "c accepted", "c updating"), "2 streams at once"),
        (changed("b accepted", "b pending", "b commanded 1", "b accepted"), "command 1 after 1"),
        (["b pending", "c pending", "a pending", "a commanded 1", "a failed", "wave 1",
          "b commanded 1", "b failed", "c commanded 1"], "after 2 failures of 2"),
        (changed("b verifying", "b pending", "b commanded 2", "b accepted", "b updating",
                 "b pending", "b commanded 3", "b accepted", "b updating"), "the 3th time"),
        (changed("a updated", "a updated", "a commanded 9"), "there is no such way"),
    ],
)  # fmt: skip
def test_each_broken_rule_is_found(lines, said):
    broken = broken_rules(history(*lines), WAVES, OPTIONS)
    assert any(said in one for one in broken), broken


def test_a_gap_in_the_record_is_found():
    events = [event for event in history(*GOOD) if event["after"] != "accepted"]
    assert any("but it was 'commanded'" in one for one in broken_rules(events, WAVES, OPTIONS))
