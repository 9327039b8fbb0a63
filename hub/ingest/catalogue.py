"""The numbers of devices and series, made on first sight and remembered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from contracts.reading import SeriesKey, Value
from hub.database.database import Connection

__all__ = ["Catalogue", "Number"]


class Number(NamedTuple):
    """A series' number and its device's."""

    series: int
    device: int


_DEVICES = """
WITH wanted AS (SELECT DISTINCT unnest(%s::text[]) AS key ORDER BY 1),
made AS (
    INSERT INTO dormouse.device (tenant_id, key)
    SELECT dormouse.current_tenant(), key FROM wanted
    WHERE NOT EXISTS (SELECT FROM dormouse.device d WHERE d.key = wanted.key)
    ON CONFLICT (tenant_id, key) DO NOTHING)
SELECT count(*) FROM wanted"""

_SERIES = """
INSERT INTO dormouse.series (tenant_id, device_id, service, index, characteristic, kind)
SELECT dormouse.current_tenant(), d.id, w.service, w.index, w.characteristic, w.kind
FROM unnest(%s::text[], %s::text[], %s::smallint[], %s::text[], %s::text[])
    AS w(device, service, index, characteristic, kind)
JOIN dormouse.device d ON d.key = w.device
ORDER BY d.id, w.service, w.index, w.characteristic
ON CONFLICT (tenant_id, device_id, service, index, characteristic) DO NOTHING"""

_NUMBERS = """
SELECT d.key, s.service, s.index, s.characteristic, s.id, d.id
FROM dormouse.series s JOIN dormouse.device d ON d.id = s.device_id
WHERE d.key = ANY(%s)"""


class Catalogue:
    """One tenant's numbers by series key.

    What a transaction has made is remembered only when `keep` is called after its commit.
    """

    def __init__(self) -> None:
        self._numbers: dict[SeriesKey, Number] = {}

    def get(self, key: SeriesKey) -> Number | None:
        """The numbers of a series that is known."""
        return self._numbers.get(key)

    async def resolve(
        self, conn: Connection, wanted: Iterable[tuple[SeriesKey, Value]]
    ) -> dict[SeriesKey, Number]:
        """The numbers of series that are not known yet, made in this transaction where new.

        The value tells the kind of a new series: bool, int, float or string.
        """
        new = {key: _kind(value) for key, value in wanted if key not in self._numbers}
        if not new:
            return {}
        keys = list(new)
        devices = sorted({key.device for key in keys})
        await conn.execute(_DEVICES, [devices])
        await conn.execute(
            _SERIES,
            [
                [key.device for key in keys],
                [key.service for key in keys],
                [key.index for key in keys],
                [key.characteristic for key in keys],
                [new[key] for key in keys],
            ],
        )
        rows = await (await conn.execute(_NUMBERS, [devices])).fetchall()
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


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    return "float" if isinstance(value, float) else "string"
