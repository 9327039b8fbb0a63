"""Puts devices where the person who set them up said, once."""

from __future__ import annotations

from collections.abc import Callable

from contracts.messages import Report
from hub.database.errors import DatabaseAwayError
from hub.live import Live, LiveChange
from hub.mqtt.delivery import Delivery
from hub.places.service import PlaceService
from hub.runtime.retry import retrying

__all__ = ["ReportedPlaces", "path_of"]

_DEEPEST, _LONGEST = 10, 100
_PAUSES = (0.2, 5.0)  # s: first and longest, while the database is away
# Of the 2000 messages that the broker gives us at once; other reports wait as well.
_MOST_WAITING = 500


def path_of(text: object) -> list[str]:
    """The places of "House / Kitchen" from the outside in; none for what is no such path."""
    if not isinstance(text, str):
        return []
    names = [name.strip() for name in text.split("/")]
    fits = len(names) <= _DEEPEST and all(0 < len(name) <= _LONGEST for name in names)
    return names if fits and all(name.isprintable() for name in names) else []


class ReportedPlaces:
    """A handler for Listener.on; `tenant_of` says whose a device is.

    What a person did counts more: a device that was ever in a place is left where it is. While the
    database is away the last place of each device waits for it: a device says it once.
    """

    def __init__(self, places: PlaceService, live: Live, tenant_of: Callable[[str], str]) -> None:
        self._places, self._live, self._tenant_of = places, live, tenant_of
        self._waiting: dict[str, list[str]] = {}

    async def report(self, report: Report, delivery: Delivery) -> None:
        """A device's report. Raises DatabaseAwayError where too many wait already."""
        path = path_of(report.raw.get("place"))
        if not path or delivery.retained:
            return
        try:
            await self._put(report.device, path)
        except DatabaseAwayError:
            if report.device not in self._waiting and len(self._waiting) >= _MOST_WAITING:
                raise
            await self._put_later(report.device, path)

    async def _put(self, device: str, path: list[str]) -> None:
        tenant = self._tenant_of(device)
        if not await self._places.was_placed(tenant, device):
            await self._places.put(tenant, device, path, device)
            self._live.publish(tenant, LiveChange("device", device))

    async def _put_later(self, device: str, path: list[str]) -> None:
        """Once the database is there again, unless the device says another place until then."""
        self._waiting[device] = path

        async def attempt() -> None:
            if self._waiting.get(device) is path:
                await self._put(device, path)

        first, longest = _PAUSES
        try:
            await retrying([DatabaseAwayError], first=first, longest=longest)(attempt)
        finally:
            if self._waiting.get(device) is path:
                del self._waiting[device]
