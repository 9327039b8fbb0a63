"""The numbers of devices and series, made on first sight and remembered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from contracts.reading import SeriesKey, Value
from hub.database.database import Connection
from hub.database.queries import Queries

__all__ = ["Catalogue", "Number"]


class Number(NamedTuple):
    """A series' number and its device's."""

    series: int
    device: int


_QUERIES = Queries.of("hub.ingest")


class Catalogue:
    """One tenant's numbers by series key.

    What a transaction has made is remembered only when `keep` is called after its commit.
    """

    def __init__(self) -> None:
        self._numbers: dict[SeriesKey, Number] = {}
        self.forgotten = 0  # how often: what was looked up before that is of no use after it

    def get(self, key: SeriesKey) -> Number | None:
        """The numbers of a series that is known."""
        return self._numbers.get(key)

    async def resolve(
        self, conn: Connection, values: Iterable[tuple[SeriesKey, Value]]
    ) -> dict[SeriesKey, Number]:
        """The numbers of series that are not known yet, made in this transaction where new.

        The value tells the kind of a new series: bool, int, float or string.
        """
        new = {key: _kind(value) for key, value in values if key not in self._numbers}
        if not new:
            return {}
        keys = list(new)
        devices = sorted({key.device for key in keys})
        await conn.execute(_QUERIES["make_devices"], [devices])
        await conn.execute(
            _QUERIES["make_series"],
            [
                [key.device for key in keys],
                [key.service for key in keys],
                [key.index for key in keys],
                [key.characteristic for key in keys],
                [new[key] for key in keys],
            ],
        )
        rows = await (await conn.execute(_QUERIES["series_numbers"], [devices])).fetchall()
        return {
            SeriesKey(device, service, index, characteristic): Number(series, number)
            for device, service, index, characteristic, series, number in rows
        }

    def keep(self, numbers: dict[SeriesKey, Number]) -> None:
        """Remember what a committed transaction resolved."""
        self._numbers.update(numbers)

    def forget(self) -> None:
        """Know nothing, for instance after another database has come up."""
        self._numbers.clear()
        self.forgotten += 1


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    return "float" if isinstance(value, float) else "string"
