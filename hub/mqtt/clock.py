"""When a message was made, for messages that may have waited in the broker."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from contracts.reading import ClockReference

__all__ = ["ClockMark", "Clocks", "DatedInstant"]


@dataclass(frozen=True, slots=True)
class ClockMark:
    """A message that did not wait: the device's clock `up` (s) at `at` (the hub's, UTC).

    `clock` is the hub's clock by which `at` was found; None: one of which nothing is known.
    """

    boot: str
    up: float
    at: datetime
    clock: ClockReference | None = None


class DatedInstant(NamedTuple):
    """When a message was made, and by which clock; None: by one that can be corrected no more."""

    at: datetime
    clock: ClockReference | None


def _no_correction(_: ClockReference) -> timedelta:
    return timedelta(0)


class Clocks:
    """Compares each device's own clock with ours.

    MQTT 3.1.1 has no time stamps, so a message that waited in the broker arrives looking new.
    The device's clock says how long after its last prompt message it was made; what is more than
    the clock can have drifted was waiting. One mark a device is kept, at most `limit` of them.
    `correction` says by how much the hub's own clock was set since something was dated by it.
    """

    # The ESP8266's RTC runs up to a few per cent off between calibrations.
    DRIFT = 0.05
    # Association, a slow broker, a busy hub: still prompt.
    SLACK = 5.0

    def __init__(
        self,
        marks: Iterable[tuple[str, ClockMark]] = (),
        limit: int = 50_000,
        *,
        correction: Callable[[ClockReference], timedelta] = _no_correction,
    ) -> None:
        self._marks: OrderedDict[str, ClockMark] = OrderedDict(marks)
        self._limit = limit
        self._correction = correction
        self._changed: set[str] = set()

    def instant_of(
        self,
        device: str,
        boot: str,
        up: float,
        received: datetime,
        clock: ClockReference | None = None,
    ) -> DatedInstant:
        """When a message was made: `received` (by `clock`), or earlier if it waited. Never later.

        Without a mark of the same boot identity there is nothing to compare with, and the
        message is taken as prompt.
        """
        prompt = DatedInstant(received, clock)
        mark = self._corrected(device, clock)
        if mark is None or mark.boot != boot:
            self._keep(device, ClockMark(boot, up, received, clock))
            return prompt
        passed = up - mark.up
        expected = mark.at + timedelta(seconds=passed)
        waited = (received - expected).total_seconds()
        if waited <= self.SLACK + self.DRIFT * abs(passed):
            if passed >= 0 or waited < 0:
                self._keep(device, ClockMark(boot, up, received, clock))
            return prompt
        return DatedInstant(expected, mark.clock) if expected < received else prompt

    def _corrected(self, device: str, clock: ClockReference | None) -> ClockMark | None:
        """A device's mark, its time as the hub's clock says it now."""
        mark = self._marks.get(device)
        if mark is None or mark.clock is None or mark.clock == clock:
            return mark
        by = self._correction(mark.clock)
        return replace(mark, at=mark.at + by, clock=clock) if by else mark

    def forget(self, device: str) -> None:
        """Its clock stood still for a time that nobody knows: the next message is prompt."""
        self._marks.pop(device, None)
        self._changed.discard(device)

    def load(self, marks: Iterable[tuple[str, ClockMark]]) -> None:
        """Go on with marks that were kept."""
        self._marks.update(marks)

    def not_saved(self, devices: Iterable[str]) -> None:
        """The marks of these could not be kept: they count as changed still."""
        self._changed.update(device for device in devices if device in self._marks)

    def changed(self) -> dict[str, ClockMark]:
        """Marks made since the last call: what to keep over a restart of the hub."""
        changed = {device: self._marks[device] for device in self._changed if device in self._marks}
        self._changed.clear()
        return changed

    def _keep(self, device: str, mark: ClockMark) -> None:
        self._marks[device] = mark
        self._marks.move_to_end(device)
        self._changed.add(device)
        if len(self._marks) > self._limit:
            forgotten, _ = self._marks.popitem(last=False)
            self._changed.discard(forgotten)
