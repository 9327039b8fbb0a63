"""How each series' source says its numbers: noted when it comes to be another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from contracts.reading import Reading, SourceScale
from hub.database.database import Connection
from hub.database.queries import Queries
from hub.ingest.catalogue import Number

__all__ = ["SeriesSource", "SourceNotes"]

_QUERIES = Queries.of("hub.ingest")

# Of a series: a device that says another unit each time must not fill the table.
_MOST = 100
_EVER = datetime.min.replace(tzinfo=UTC)


class SeriesSource(NamedTuple):
    """The scale of a series' source, and since when."""

    scale: SourceScale
    since: datetime


class SourceNotes:
    """One tenant's, as the database has them.

    What a transaction has noted is remembered only when `keep` is called after its commit.
    """

    def __init__(self) -> None:
        self._known: dict[int, SeriesSource] = {}

    async def note(
        self, conn: Connection, readings: Sequence[Reading], numbers: Sequence[Number | None]
    ) -> dict[int, SeriesSource]:
        """Write down which sources are others by these readings; what there is to `keep`.

        A reading that is older than the last change changes nothing.
        """
        said = [
            (number.series, reading.at, reading.source)
            for reading, number in zip(readings, numbers, strict=True)
            if reading.source is not None and number is not None
        ]
        known = self._known
        if all(series in known and _same(known[series].scale, scale) for series, _, scale in said):
            return {}
        learned = await _load(conn, sorted({one[0] for one in said if one[0] not in known}))
        changes: list[tuple[int, datetime | None, SourceScale]] = []
        for series, at, scale in said:
            last = learned.get(series) or known.get(series)
            if last is None:
                changes.append((series, None, scale))
                learned[series] = SeriesSource(scale, _EVER)
            elif last.scale != scale and at > last.since:
                changes.append((series, at, scale))
                learned[series] = SeriesSource(scale, at)
        if changes:
            await _write(conn, changes)
        return learned

    def keep(self, learned: dict[int, SeriesSource]) -> None:
        """Remember what a committed transaction noted."""
        self._known.update(learned)

    def forget(self) -> None:
        """Know nothing, for instance after another database has come up."""
        self._known.clear()


def _same(one: SourceScale, other: SourceScale) -> bool:
    return one is other or one == other  # nearly always the one object: asked at each reading


async def _load(conn: Connection, series: Sequence[int]) -> dict[int, SeriesSource]:
    if not series:
        return {}
    rows = await (await conn.execute(_QUERIES["series_sources"], [list(series)])).fetchall()
    return {
        number: SeriesSource(SourceScale(unit, gain, offset), since or _EVER)
        for number, since, unit, gain, offset in rows
    }


async def _write(
    conn: Connection, changes: Sequence[tuple[int, datetime | None, SourceScale]]
) -> None:
    columns = [
        [series for series, _, _ in changes],
        [at for _, at, _ in changes],
        [scale.unit for _, _, scale in changes],
        [scale.gain for _, _, scale in changes],
        [scale.offset for _, _, scale in changes],
    ]
    await conn.execute(_QUERIES["note_sources"], columns)
    if any(at is not None for _, at, _ in changes):
        await conn.execute(_QUERIES["forget_old_sources"], [columns[0], _MOST])
