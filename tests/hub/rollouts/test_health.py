from __future__ import annotations

from datetime import timedelta

import pytest

from hub.rollouts.health import verdict
from hub.rollouts.model import DeviceHealth, DeviceState, RolloutDevice, RolloutOptions
from tests.hub.rollouts.fleet import NEW, NOW, sample


def updated(*after: dict, before: list[dict] | None = None, **changes) -> RolloutDevice:
    """A device that reported the target so often, a minute apart; the last one just now."""
    reports = [{"reset": "soft"}, *after]
    times = [NOW - timedelta(minutes=len(reports) - 1 - n) for n in range(len(reports))]
    return RolloutDevice(
        "a", 0, NOW, DeviceState.UPDATED,
        before=tuple(sample(**one) for one in (before or [{}])),
        after=tuple(sample(t, firmware=NEW, **one) for t, one in zip(times, reports, strict=True)),
        **changes,
    )  # fmt: skip


GOOD = ({}, {}, {})


def test_three_good_reports():
    assert verdict(updated(*GOOD), RolloutOptions(), 0, NOW) == (DeviceHealth.GOOD, "")
    assert verdict(updated({}, {}), RolloutOptions(), 0, NOW) == (
        DeviceHealth.WATCHED,
        "2 of 3 reports",
    )
    assert verdict(updated(*GOOD), RolloutOptions(reports=0), 0, NOW) == (DeviceHealth.UNKNOWN, "")


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ([{}, {"awake_ms": 650}, {"awake_ms": 650}],
         "is awake for 650 ms, before the update 400 ms"),
        ([{}, {"heap_free": 9000}, {"heap_free": 9000}],
         "has 9000 bytes of heap free, before the update 20000"),
        ([{}, {}, {"reset": "watchdog"}], "was restarted by its watchdog since the update"),
        # The first wake looks for its access point, and one more had to: no matter.
        ([{"awake_ms": 4000}, {"awake_ms": 4000}, {}], None),
        # Within the margin, or the radio's mood.
        ([{}, {"awake_ms": 600}, {"awake_ms": 600}], None),
        # A restart tells the awake time of no whole wake.
        ([{}, {"reset": "power", "awake_ms": 9000}, {}], None),
        ([{}, {"awake_ms": None, "heap_free": None}, {"awake_ms": None, "heap_free": None}], None),
    ],
)  # fmt: skip
def test_worse_than_before(after, reason):
    found = verdict(updated(*after), RolloutOptions(), 0, NOW)
    assert found == ((DeviceHealth.BAD, reason) if reason else (DeviceHealth.GOOD, ""))


def test_one_report_is_not_enough_to_judge_wakes_by():
    one = RolloutOptions(reports=1)
    assert verdict(updated({}), one, 0, NOW) == (DeviceHealth.WATCHED, "1 of 2 reports")
    slow = updated({}, {"awake_ms": 6400})
    assert verdict(slow, one, 0, NOW) == (
        DeviceHealth.BAD, "is awake for 6400 ms, before the update 400 ms",
    )  # fmt: skip
    # One that never slept has no wakes to compare.
    awake = updated({}, before=[{"reset": "power"}])
    assert verdict(awake, one, 0, NOW)[0] is DeviceHealth.GOOD


def test_short_wakes_may_double():
    device = updated(*[{"awake_ms": 160}] * 3, before=[{"awake_ms": 80}])
    assert verdict(device, RolloutOptions(), 0, NOW)[0] is DeviceHealth.GOOD


def test_one_odd_report_before_does_not_hide_it():
    device = updated(*[{"awake_ms": 900}] * 3, before=[{}, {"awake_ms": 9000}, {}])
    assert verdict(device, RolloutOptions(), 0, NOW)[0] is DeviceHealth.BAD


def test_readings_that_are_missing():
    device = updated(*GOOD, gaps_before=10)
    assert verdict(device, RolloutOptions(gaps=5), 15, NOW)[0] is DeviceHealth.GOOD
    assert verdict(device, RolloutOptions(gaps=5), 16, NOW) == (
        DeviceHealth.BAD, "lost 6 readings since the update",
    )  # fmt: skip
    assert verdict(device, RolloutOptions(), None, NOW)[0] is DeviceHealth.GOOD


def test_late():
    device = updated({})
    late = NOW + timedelta(seconds=3 * 60 + 30)
    assert (
        verdict(device, RolloutOptions(), 0, late - timedelta(seconds=1))[0] is DeviceHealth.WATCHED
    )
    assert verdict(device, RolloutOptions(), 0, late) == (
        DeviceHealth.BAD, "has not reported since 2026-03-01 12:00 UTC",
    )  # fmt: skip


def test_one_that_stays_awake_does_not_say_when_it_reports():
    device = updated({"next_wake_s": None})
    patient = RolloutOptions(patience_s=600)
    assert verdict(device, patient, 0, NOW + timedelta(seconds=599))[0] is DeviceHealth.WATCHED
    assert verdict(device, patient, 0, NOW + timedelta(seconds=600))[0] is DeviceHealth.BAD
