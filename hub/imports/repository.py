"""Imported readings into the database: a transaction a batch, noted in the trail with it.

Rows go in as arrays, as those of devices do: Postgres takes no COPY into a table behind row-level
security. Each statement sees what is there already, so that the same again adds nothing, whatever
was broken off where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.reading import SeriesKey, Value
from hub.database.arrays import float8s, instants, int4s, texts
from hub.database.database import TenantDatabase
from hub.database.errors import WriteConflictError
from hub.database.queries import Queries
from hub.devices.changes import acting
from hub.imports.model import HistoryImport, ImportReport
from hub.ingest.catalogue import Catalogue
from hub.ingest.repository import IntakeRepository
from hub.runtime.retry import retrying

__all__ = ["ImportBatch", "ImportRepository", "Known"]

_QUERIES = Queries.of("hub.imports")
_JUDGED = _QUERIES["rows_judged"]
_JUDGE, _STORE = (_QUERIES[name].format(judged=_JUDGED) for name in ("judge_rows", "store_rows"))
_PAUSES = (0.05, 2.0)  # s: first and longest, where readings come in meanwhile


@dataclass(frozen=True, slots=True)
class Known:
    """A series that is there: its number, and when its first and last reading are."""

    number: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class ImportBatch:
    """Rows of series, no two of the same instant of one."""

    series: Sequence[SeriesKey]
    at: Sequence[datetime]
    values: Sequence[Value]


class ImportRepository:
    """The imports of one tenant. Each method raises DatabaseAwayError besides what it names."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database
        self._catalogue = Catalogue()
        self._months: set[tuple[int, int]] = set()

    async def begin(self, source: str, form: str, who: str) -> int:
        """Note that a file is to be imported; the import's number."""
        facts = {"source": source, "form": form, "who": who}
        async with self._database.transaction() as conn:
            row = await (await conn.execute(_QUERIES["begin_import"], facts)).fetchone()
        return int(row[0]) if row else 0

    async def end(self, number: int, report: ImportReport, error: str = "") -> None:
        """Note that it is finished, or why it was broken off."""
        facts = {
            "number": number, "lines": report.lines, "refused": report.refused_lines,
            "there": sum(one.there for one in report.names), "form": report.form.value,
            "error": error[:500],
        }  # fmt: skip
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["end_import"], facts)

    async def trail(self, most: int) -> list[HistoryImport]:
        """What was imported, the newest first."""
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["imports"], [most])).fetchall()
        return [HistoryImport(*row) for row in rows]

    async def known(self, keys: Sequence[SeriesKey]) -> Mapping[SeriesKey, Known]:
        """Those of these series that there are."""
        columns = [
            list(range(len(keys))), [key.device for key in keys], [key.service for key in keys],
            [key.index for key in keys], [key.characteristic for key in keys],
        ]  # fmt: skip
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["series_of_names"], columns)).fetchall()
        return {keys[n]: Known(number, first, last) for n, number, first, last in rows}

    async def judge(self, batch: ImportBatch, known: Mapping[SeriesKey, Known]) -> dict[int, str]:
        """What would not be stored of a batch, and why: there, other, gone."""
        numbers = [known[key].number if key in known else None for key in batch.series]
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_JUDGE, _facts(batch, numbers))).fetchall()
        return {n - 1: fate for n, fate in rows}

    async def store(
        self, batch: ImportBatch, number: int, report: ImportReport, who: str
    ) -> dict[int, str]:
        """Store a batch and count it; what was not stored of it, and why."""
        await self._make_months(batch.at)

        async def work() -> dict[int, str]:
            async with self._database.transaction() as conn:
                await acting(conn, who, "imported its history")
                pairs = zip(batch.series, batch.values, strict=True)
                new = await self._catalogue.resolve(conn, pairs)
                found = [new.get(key) or self._catalogue.get(key) for key in batch.series]
                facts = _facts(batch, [one and one.series for one in found])
                rows = await (await conn.execute(_STORE, facts)).fetchall()
                counts = {
                    "number": number, "lines": report.lines, "refused": report.refused_lines,
                    "stored": len(batch.at) - len(rows),
                    "there": sum(fate == "there" for _, fate in rows),
                }  # fmt: skip
                await conn.execute(_QUERIES["count_import"], counts)
            self._catalogue.keep(new)
            return {n - 1: fate for n, fate in rows}

        first, longest = _PAUSES
        return await retrying([WriteConflictError], first=first, longest=longest)(work)

    async def _make_months(self, times: Sequence[datetime]) -> None:
        months = {(at.year, at.month): at for at in times}
        wanted = [at for month, at in months.items() if month not in self._months]
        if wanted:
            await IntakeRepository(self._database).ensure_partitions(wanted)
            self._months |= months.keys()


def _facts(batch: ImportBatch, numbers: Sequence[int | None]) -> dict[str, Any]:
    return {
        "series": int4s(numbers),
        "at": instants(batch.at),
        "value": float8s([None if isinstance(v, str) else float(v) for v in batch.values]),
        "text": texts([v if isinstance(v, str) else None for v in batch.values]),
        "first": min(batch.at),
        "last": max(batch.at),
    }
