"""Up to where a device's readings are accounted for. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

__all__ = ["Ledger"]

Range = tuple[int, int]


class Ledger:
    """The sequence numbers of each device's boot identity that it need not keep any longer.

    A message that holds all a device still has of (after, last] accounts for all of these: what
    is not among its readings was thinned out on the device, what is refused will always be. A
    number may be acknowledged when all before it are accounted for; otherwise a message that a
    broker lost would be forgotten by the device because a later one arrived.

    Memory is bounded: `devices` boot identities, of each `RANGES` ranges; what is forgotten the
    device sends again.
    """

    RANGES = 64

    def __init__(self, devices: int = 20_000) -> None:
        self._limit = devices
        self._ranges: OrderedDict[tuple[str, str], list[Range]] = OrderedDict()
        self._loaded: set[tuple[str, str]] = set()

    def settles(self, device: str, boot: str, after: int) -> bool:
        """Whether all up to `after` are accounted for, or `load` has told what is."""
        if after == 0 or (device, boot) in self._loaded:
            return True
        ranges = self._ranges.get((device, boot), [])
        return bool(ranges) and ranges[0][0] <= 1 and after <= ranges[0][1]

    def load(self, device: str, boot: str, stored: Iterable[Range]) -> None:
        """Begin with the (first, last) ranges that the database holds."""
        self._ranges[device, boot] = _merged([*stored, *self._ranges.get((device, boot), ())])
        self._loaded.add((device, boot))

    def account(self, device: str, boot: str, after: int, last: int) -> int:
        """(after, last] is accounted for; the highest number to acknowledge, 0 if none."""
        ranges = self._ranges.get((device, boot), [])
        if last > after:
            ranges = _merged([*ranges, (after + 1, last)])
        self._ranges[device, boot] = ranges[: self.RANGES]
        self._ranges.move_to_end((device, boot))
        if len(self._ranges) > self._limit:
            forgotten, _ = self._ranges.popitem(last=False)
            self._loaded.discard(forgotten)
        return ranges[0][1] if ranges and ranges[0][0] <= 1 else 0


def _merged(ranges: list[Range]) -> list[Range]:
    """Sorted, with those that touch made one."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return merged
