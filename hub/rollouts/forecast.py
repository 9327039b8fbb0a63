"""When each device can be done, from when it wakes. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.rollouts.model import (
    DeviceState,
    FirmwareTarget,
    ReportSample,
    Rollout,
    RolloutDevice,
    RolloutOptions,
)
from hub.rollouts.windows import is_open, next_open

__all__ = ["Forecast", "forecast", "next_wake"]

_BYTES_A_SECOND = 25_000  # a board on a good network; a poor one takes twice as long
_AROUND_S = 15.0  # restart into the server, restart into the application, first report
_TRIES = 50  # windows or full streams that a device may meet before it is called unknown


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a device should be done, None where that cannot be said.

    `sure` is False when it waits for a device of an earlier wave of which nothing is known.
    """

    at: datetime | None
    sure: bool = True


def next_wake(sample: ReportSample | None, after: datetime) -> datetime | None:
    """When a device next wakes at or after an instant; at once if it stays awake."""
    if sample is None:
        return None
    if not sample.next_wake_s:
        return after
    sleep = timedelta(seconds=sample.next_wake_s)
    wakes = max(1, math.ceil((after - sample.at) / sleep))
    return sample.at + wakes * sleep


def forecast(
    rollout: Rollout,
    devices: Mapping[str, RolloutDevice],
    recent: Mapping[str, ReportSample],
    now: datetime,
) -> dict[str, Forecast]:
    """For every device that is not over, if nothing fails.

    `recent` has a device's last report where it is newer than what the rollout remembers.
    """
    target = rollout.target
    takes = timedelta(
        seconds=target.size / _BYTES_A_SECOND + _AROUND_S
        if isinstance(target, FirmwareTarget)
        else 0
    )
    forecasts: dict[str, Forecast] = {}
    start, sure = now, True
    left = [device for device in devices.values() if not device.over]
    for wave in sorted({device.wave for device in left}):
        present = [device for device in left if device.wave == wave]
        samples = {d.device: recent.get(d.device) or d.last for d in present}
        done = _wave(present, samples, rollout.options, start, takes)
        forecasts |= {name: Forecast(at, sure) for name, at in done.items()}
        sure = sure and None not in done.values()
        start = max(
            (_healthy(at, samples[name], rollout.options) for name, at in done.items() if at),
            default=start,
        )
    return forecasts


def _wave(
    devices: Iterable[RolloutDevice],
    samples: Mapping[str, ReportSample | None],
    options: RolloutOptions,
    start: datetime,
    takes: timedelta,
) -> dict[str, datetime | None]:
    """When each device of a wave is done, as streams become free."""
    free = [start] * options.streams
    done: dict[str, datetime | None] = {}
    ready: list[tuple[datetime, RolloutDevice]] = []
    for device in devices:
        if device.state in {DeviceState.UPDATING, DeviceState.VERIFYING}:
            done[device.device] = start + takes
            free[free.index(min(free))] = start + takes
            continue
        earliest = max(start, device.not_before or start)
        wake = _wake_in_window(samples[device.device], options, earliest)
        if wake is None:
            done[device.device] = None
        else:
            ready.append((wake, device))
    for wake, device in sorted(ready, key=lambda pair: pair[0]):
        slot = free.index(min(free))
        begin = wake
        if free[slot] > wake and takes:
            again = _wake_in_window(samples[device.device], options, free[slot])
            if again is None:
                done[device.device] = None
                continue
            begin = again
        done[device.device] = free[slot] = begin + takes
    return done


def _wake_in_window(
    sample: ReportSample | None, options: RolloutOptions, after: datetime
) -> datetime | None:
    for _ in range(_TRIES):
        opens = next_open(options, after)
        wake = next_wake(sample, opens) if opens else None
        if wake is None or is_open(options, wake):
            return wake
        after = wake
    return None


def _healthy(at: datetime, sample: ReportSample | None, options: RolloutOptions) -> datetime:
    """When the gate can have its word on a device that is done."""
    sleep = (sample.next_wake_s or 0) if sample else 0
    # A device that sleeps is judged by two wakes at least (health.reports_needed).
    reports = max(options.reports, 2) if options.reports else 0
    return at + timedelta(seconds=reports * sleep)
