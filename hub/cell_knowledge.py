"""What a cell must know of devices that in a whole hub the HomeKit bridges tell."""

from __future__ import annotations

from contracts.homekit.definitions import INFORMATION
from contracts.messages import Report
from contracts.reading import Reading, SeriesKey
from hub.database.database import Database
from hub.homekit.repository import HomeKitRepository

__all__ = ["CellKnowledge"]


class CellKnowledge:
    """Takes what the listener tells a bridge: which series there are, of what model a device is.

    What was known before is read from what the bridges keep.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._series: set[SeriesKey] = set()
        self._models: dict[str, str] = {}

    async def load(self) -> None:
        """Read what is kept of all tenants. Raises DatabaseAwayError."""
        for tenant in await self._database.tenants():
            saved = await HomeKitRepository(self._database.of(tenant)).load()
            self._series |= saved.values.keys()
            for key, value in saved.values.items():
                if key.service == INFORMATION and key.characteristic == "Model":
                    self._models[key.device] = str(value)

    def model_of(self, device: str) -> str | None:
        """What kind of device it says it is."""
        return self._models.get(device)

    def knows(self, series: SeriesKey, /) -> bool:
        """Whether a value of the series was taken."""
        return series in self._series

    def update(self, reading: Reading, *, live: bool) -> None:  # noqa: ARG002  # BridgeLike's
        """A value was taken."""
        self._series.add(reading.series)

    def remove(self, what: SeriesKey, /) -> None:
        """Its device is shown no longer."""
        self._series = {key for key in self._series if key.device != what.device}

    def remove_service(self, device: str, service: str, index: int) -> None:
        """It is shown no longer."""
        gone = device, service, index
        self._series = {k for k in self._series if (k.device, k.service, k.index) != gone}

    def report(self, device: str, report: Report, *, live: bool, waited: float = 0) -> None:  # noqa: ARG002  # BridgeLike's
        """A device says of what model it is."""
        if report.model:
            self._models[device] = report.model
