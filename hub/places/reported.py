"""Puts devices where the person who set them up said, once."""

from __future__ import annotations

from collections.abc import Callable

from contracts.messages import Report
from hub.live import Live, LiveChange
from hub.mqtt.source import Delivery
from hub.places.service import PlaceService

__all__ = ["ReportedPlaces", "path_of"]

_DEEPEST, _LONGEST = 10, 100


def path_of(text: object) -> list[str]:
    """The places of "House / Kitchen" from the outside in; none for what is no such path."""
    if not isinstance(text, str):
        return []
    names = [name.strip() for name in text.split("/")]
    fits = len(names) <= _DEEPEST and all(0 < len(name) <= _LONGEST for name in names)
    return names if fits and all(name.isprintable() for name in names) else []


class ReportedPlaces:
    """A handler for Listener.on; `tenant_of` says whose a device is.

    What a person did counts more: a device that was ever in a place is left where it is.
    """

    def __init__(self, places: PlaceService, live: Live, tenant_of: Callable[[str], str]) -> None:
        self._places, self._live, self._tenant_of = places, live, tenant_of

    async def report(self, report: Report, delivery: Delivery) -> None:
        """A device's report."""
        path = path_of(report.raw.get("place"))
        tenant = self._tenant_of(report.device)
        if not path or delivery.retained or await self._places.was_placed(tenant, report.device):
            return
        await self._places.put(tenant, report.device, path, report.device)
        self._live.publish(tenant, LiveChange("device", report.device))
