"""Whether an updated device does as well as before. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median, median_low

from hub.rollouts.model import DeviceHealth, ReportSample, RolloutDevice, RolloutOptions

__all__ = ["due", "is_late", "reports_needed", "verdict"]

_MISSED = 2  # wakes whose reports a lossy link may swallow
_GRACE_S = 30.0  # joining a network that is slow today
_AWAKE_MS = 100  # ms: differences below are the radio's mood
# Reports that say nothing of a usual wake: that of the restart, and that of the first wake, which
# looks for its access point for seconds.
_UNUSUAL = 2


def due(sample: ReportSample, options: RolloutOptions) -> datetime:
    """When a device that sent this report is late: some wakes and a little missed.

    One that stays awake does not say how often it reports.
    """
    if not sample.next_wake_s:
        return sample.at + timedelta(seconds=options.patience_s)
    return sample.at + timedelta(seconds=(_MISSED + 1) * sample.next_wake_s + _GRACE_S)


def is_late(sample: ReportSample, options: RolloutOptions, now: datetime) -> bool:
    """Whether it should have reported again by now."""
    return now >= due(sample, options)


def reports_needed(device: RolloutDevice, options: RolloutOptions) -> int:
    """Reports of the target, after the first, until the gate has its word on the device.

    Awake time is of the wake before a report: where it was known before the update, one report
    more than `options.reports` 1 is waited for, or a slower image would never be judged.
    """
    return max(options.reports, _UNUSUAL if _awake(device.before) else 0)


def verdict(
    device: RolloutDevice, options: RolloutOptions, gaps: int | None, now: datetime
) -> tuple[DeviceHealth, str]:
    """The gate's word on a device that runs the target, and why.

    `gaps` is how many of its readings are missing without explanation, None where that was not
    looked up (it is then not judged).
    """
    if not options.reports or not device.after:
        return DeviceHealth.UNKNOWN, ""
    if any(sample.reset == "watchdog" for sample in device.after):
        return DeviceHealth.BAD, "was restarted by its watchdog since the update"
    if is_late(device.after[-1], options, now):
        return DeviceHealth.BAD, f"has not reported since {_clock(device.after[-1].at)}"
    needed = reports_needed(device, options)
    if len(device.after) <= needed:
        return DeviceHealth.WATCHED, f"{len(device.after) - 1} of {needed} reports"
    for reason in _complaints(device, options, gaps):
        return DeviceHealth.BAD, reason
    return DeviceHealth.GOOD, ""


def _complaints(device: RolloutDevice, options: RolloutOptions, gaps: int | None) -> Iterable[str]:
    awake = _awake(device.before), _awake(device.after[_UNUSUAL:])
    if awake[0] and awake[1]:
        # The low median: one wake that had to look for its access point says nothing.
        was, now = float(median(awake[0])), float(median_low(awake[1]))
        if now > was * (1 + options.awake_percent / 100) and now - was > _AWAKE_MS:
            yield f"is awake for {now:.0f} ms, before the update {was:.0f} ms"
    heap = _heap(device.before), _heap(device.after[1:])
    if heap[0] and heap[1]:
        was, now = float(median(heap[0])), float(median(heap[1]))
        if now < was * (1 - options.heap_percent / 100):
            yield f"has {now:.0f} bytes of heap free, before the update {was:.0f}"
    if gaps is not None and gaps - device.gaps_before > options.gaps:
        yield f"lost {gaps - device.gaps_before} readings since the update"


def _awake(samples: Iterable[ReportSample]) -> list[int]:
    # `awake_ms` is of the wake before, so only a wake from sleep speaks of a whole one.
    return [s.awake_ms for s in samples if s.awake_ms is not None and s.reset == "deepsleep"]


def _heap(samples: Iterable[ReportSample]) -> list[int]:
    return [s.heap_free for s in samples if s.heap_free is not None]


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
