from __future__ import annotations

from datetime import timedelta

import pytest

from hub.rollouts.forecast import forecast, next_wake
from hub.rollouts.model import FirmwareTarget, Rollout, RolloutDevice, RolloutOptions
from tests.hub.rollouts.fleet import NOW, sample

# 25,000 bytes a second and a quarter of a minute around it: 40 s a device.
TARGET = FirmwareTarget(image=1, version="2.0.0", size=625_000)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def device(name: str, wave: int, sleep: float | None = 300, ago: float = 60) -> RolloutDevice:
    return RolloutDevice(
        name, wave, NOW, before=(sample(NOW - timedelta(seconds=ago), next_wake_s=sleep),)
    )


def expected(devices: list[RolloutDevice], **options) -> dict[str, float | None]:
    """When each is done, in seconds from now."""
    rollout = Rollout(1, TARGET, RolloutOptions(**{"reports": 0, **options}), NOW)
    found = forecast(rollout, {d.device: d for d in devices}, {}, NOW)
    return {name: f.at and (f.at - NOW).total_seconds() for name, f in found.items()}


@pytest.mark.parametrize(
    ("sleep", "ago", "after", "wakes"),
    [(300, 60, 0, 240), (300, 300, 0, 0), (300, 301, 0, 299), (300, 60, 240, 240),
     (300, 60, 241, 540), (None, 60, 7, 7), (0, 60, 7, 7), (300, 4000, 0, 200)],
)  # fmt: skip
def test_next_wake(sleep, ago, after, wakes):
    said = sample(NOW - timedelta(seconds=ago), next_wake_s=sleep)
    assert next_wake(said, NOW + timedelta(seconds=after)) == NOW + timedelta(seconds=wakes)


def test_a_device_is_done_at_its_next_wake_and_the_stream():
    assert expected([device("a", 0)]) == {"a": 240 + 40}


def test_a_later_wave_wakes_after_the_canary_was_found_healthy():
    # Done at 280, three reports a sleep of 300 apart: 1180; wakes of b are at 240 + n * 300.
    assert expected([device("a", 0), device("b", 1)], reports=3) == {"a": 280, "b": 1440 + 40}


def test_one_for_whom_no_stream_is_free_comes_again_at_its_next_wake():
    devices = [device("a", 0), device("b", 0)]
    assert expected(devices, streams=1) == {"a": 280, "b": 540 + 40}
    assert expected(devices, streams=2) == {"a": 280, "b": 280}


def test_windows():
    # It is noon; the first wake after 13:00 is at 13:04.
    found = expected([device("a", 0)], windows=("13:00-14:00",))
    assert found == {"a": 3840 + 40}
    # It wakes every two hours, the window is open for ten minutes at 3: at noon and 2, 4, ...
    seldom = device("a", 0, sleep=7200, ago=7200)
    assert expected([seldom], windows=("15:00-15:10",)) == {"a": None}


def test_nothing_is_foretold_of_one_that_never_spoke():
    silent = RolloutDevice("b", 0, NOW)
    rollout = Rollout(1, TARGET, RolloutOptions(reports=0), NOW)
    devices = {"b": silent, "c": device("c", 1)}
    found = forecast(rollout, devices, {}, NOW)
    assert found["b"].at is None
    assert found["c"].at is not None
    assert not found["c"].sure


def test_a_newer_report_counts():
    rollout = Rollout(1, TARGET, RolloutOptions(reports=0), NOW)
    newer = {"a": sample(NOW, next_wake_s=600)}
    found = forecast(rollout, {"a": device("a", 0)}, newer, NOW)
    assert found["a"].at == NOW + minutes(10) + timedelta(seconds=40)
