"""Importing history, and telling everything that shows or learns from readings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from contracts.reading import SeriesKey, Value
from hub.database.database import Database
from hub.errors import HubError
from hub.imports.model import (
    HistoryImport,
    ImportedRow,
    ImportOptions,
    ImportReport,
    UnreadableFileError,
)
from hub.imports.reader import FileReader
from hub.imports.repository import ImportBatch, ImportRepository, Known
from hub.imports.seen import SeenRows
from hub.live import Live, LiveChange
from hub.runtime.turns import Turns

__all__ = ["ImportBrokenOffError", "ImportService", "Learner"]

_BATCH = 5000  # rows a transaction, for which readings on their way in wait: a tenth of a second
_PIECE = 1 << 17  # bytes that are read at a time, in a thread: the hub's loop goes on
_TENANTS = 8  # of which a file may be on its way: a dry run has some 10 MB of memory
_SERIES = 1000  # that one import may write to


class Learner(Protocol):
    """Something that learns from readings: hub.anomalies.watch.AnomalyWatch."""

    def forget(self, tenant: str, series: Iterable[SeriesKey]) -> None:
        """What is known of these is learnt anew."""


class ImportBrokenOffError(HubError):
    """An import ended before its file did; what was stored stays, and the same again goes on."""

    http_status = 422

    def __init__(self, report: ImportReport, reason: str) -> None:
        self.report = report
        super().__init__(
            f"{reason}. Until line {report.lines} {report.stored} readings are stored; once that "
            "is mended, import the same file again: what is there already is not stored twice"
        )


@dataclass(slots=True)
class _Run:
    """One file on its way in."""

    reader: FileReader
    imports: ImportRepository
    who: str
    rows: list[ImportedRow] = field(default_factory=list)
    known: dict[SeriesKey, Known] = field(default_factory=dict)
    asked: set[SeriesKey] = field(default_factory=set)

    @property
    def report(self) -> ImportReport:
        return self.reader.report


class ImportService:
    """The imports of all tenants.

    When an import is done, rollups, newest values and what shows them have it.
    """

    def __init__(self, database: Database, live: Live, learners: Sequence[Learner] = ()) -> None:
        self._database, self._live, self._learners = database, live, learners
        # A tenant's files come one after the other, as slowly as their senders like.
        self._receiving = Turns(_TENANTS, 1)
        # What has come is read and stored by one core for as long as that takes.
        self._working = Turns(2, 1)

    async def trail(self, tenant: str, most: int = 100) -> list[HistoryImport]:
        """What was imported, the newest first."""
        return await ImportRepository(self._database.of(tenant)).trail(most)

    async def dry_run(
        self, tenant: str, file: AsyncIterator[bytes], options: ImportOptions
    ) -> ImportReport:
        """What an import would do. Raises UnreadableFileError, NoRoomError."""
        async with self._receiving.of(tenant):
            run = self._run(tenant, options, "", dry_run=True)
            with SeenRows() as seen:
                await self._each(tenant, run, file, lambda rows: self._judge(run, rows, seen))
        return run.report

    async def store(
        self,
        tenant: str,
        file: AsyncIterator[bytes],
        options: ImportOptions,
        *,
        source: str,
        who: str,
    ) -> ImportReport:
        """Import a file that is called `source`.

        Raises UnreadableFileError where nothing of it can be read, else ImportBrokenOffError; what
        was stored until then stays.
        """
        async with self._receiving.of(tenant):
            run = self._run(tenant, options, who, dry_run=False)
            try:
                await self._store_all(tenant, run, file, source)
            finally:
                # What was stored before it broke off is there, too.
                self._tell(tenant, run)
        return run.report

    async def _store_all(
        self, tenant: str, run: _Run, file: AsyncIterator[bytes], source: str
    ) -> None:
        number: int | None = None

        async def store(rows: list[ImportedRow]) -> None:
            nonlocal number
            if number is None:
                number = await run.imports.begin(source, run.report.form.value, run.who)
                run.report.number = number
            await self._store(run, rows, number)

        try:
            await self._each(tenant, run, file, store)
        except BaseException as error:
            if number is None:
                raise
            await _note_end(run, number, error)
            if isinstance(error, UnreadableFileError):
                raise ImportBrokenOffError(run.report, str(error)) from None
            raise
        if number is not None:
            await run.imports.end(number, run.report)

    def _run(self, tenant: str, options: ImportOptions, who: str, *, dry_run: bool) -> _Run:
        reader = FileReader(options, now=datetime.now(UTC), dry_run=dry_run)
        return _Run(reader, ImportRepository(self._database.of(tenant)), who)

    async def _each(
        self,
        tenant: str,
        run: _Run,
        file: AsyncIterator[bytes],
        handle: Callable[[list[ImportedRow]], Awaitable[None]],
    ) -> None:
        """Hand on rows in batches, as they are read.

        A turn is held for what has come, and not while more of the file is awaited.
        """
        waiting: list[ImportedRow] = []
        async for piece in _joined(file):
            async with self._working.of(tenant):
                waiting += await asyncio.to_thread(run.reader.feed, piece)
                while len(waiting) >= _BATCH:
                    await handle(waiting[:_BATCH])
                    del waiting[:_BATCH]
        async with self._working.of(tenant):
            waiting += await asyncio.to_thread(run.reader.finish)
            for first in range(0, len(waiting), _BATCH):
                await handle(waiting[first : first + _BATCH])

    async def _judge(self, run: _Run, rows: Sequence[ImportedRow], seen: SeenRows) -> None:
        rows, batch = await self._batch(run, rows)
        if not rows:
            return
        fates = await run.imports.judge(batch, run.known)
        # What would be stored, and is told again far below, would be there by then.
        left = [n for n in range(len(rows)) if n not in fates]
        repeats = await asyncio.to_thread(
            seen.repeats,
            [batch.series[n] for n in left],
            [batch.at[n] for n in left],
            [batch.values[n] for n in left],
        )
        _count(run, rows, fates | {left[n]: fate for n, fate in repeats.items()})

    async def _store(self, run: _Run, rows: Sequence[ImportedRow], number: int) -> None:
        rows, batch = await self._batch(run, rows)
        if rows:
            _count(run, rows, await run.imports.store(batch, number, run.report, run.who))

    async def _batch(
        self, run: _Run, rows: Sequence[ImportedRow]
    ) -> tuple[list[ImportedRow], ImportBatch]:
        """Rows of which no two are of the same instant of a series."""
        await _look_up(run, rows)
        once: dict[tuple[SeriesKey, datetime], ImportedRow] = {}
        for row in rows:
            before = once.setdefault((_key(run, row), row.at), row)
            if before is not row:
                _not_stored(run, row, "there" if before.value == row.value else "other")
        keys = [key for key, _ in once]
        values: list[Value] = [row.value for row in once.values()]
        kept = list(once.values())
        return kept, ImportBatch(keys, [row.at for row in kept], values)

    def _tell(self, tenant: str, run: _Run) -> None:
        stored = {
            converter.key
            for number, one in enumerate(run.report.names)
            if one.stored and (converter := run.reader.key(number)) is not None
        }
        for learner in self._learners:
            learner.forget(tenant, stored)
        for key in sorted(stored):
            self._live.publish(tenant, LiveChange("readings", key.full_name))
        for device in sorted({key.device for key in stored if key not in run.known}):
            self._live.publish(tenant, LiveChange("device", device))


async def _joined(file: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What comes in, in larger pieces: a thread is asked for each."""
    waiting = bytearray()
    async for chunk in file:
        waiting += chunk
        if len(waiting) >= _PIECE:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


async def _note_end(run: _Run, number: int, error: BaseException) -> None:
    why = str(error) if isinstance(error, HubError) else "the file's sender went away"
    try:
        await asyncio.shield(run.imports.end(number, run.report, why or type(error).__name__))
    except HubError:
        return  # the database is away: it has no end then


async def _look_up(run: _Run, rows: Iterable[ImportedRow]) -> None:
    """Find out about series that came up for the first time."""
    new = {_key(run, row) for row in rows} - run.asked
    if not new:
        return
    run.asked |= new
    if len(run.asked) > _SERIES:
        raise UnreadableFileError(
            f"it is of more than {_SERIES} series: import some of them at a time"
        )
    run.known |= await run.imports.known(sorted(new))
    for number, one in enumerate(run.report.names):
        converter = run.reader.key(number)
        if converter is not None and converter.key in new:
            one.new = converter.key not in run.known


def _key(run: _Run, row: ImportedRow) -> SeriesKey:
    converter = run.reader.key(row.name)
    if converter is None:
        raise UnreadableFileError
    return converter.key


def _count(run: _Run, rows: Sequence[ImportedRow], fates: dict[int, str]) -> None:
    for n, row in enumerate(rows):
        fate = fates.get(n)
        if fate is not None:
            _not_stored(run, row, fate)
            continue
        told = run.report.names[row.name]
        told.stored += 1
        before = run.known.get(_key(run, row))
        if before is not None and before.first is not None and before.last is not None:
            told.overlap += before.first <= row.at <= before.last


def _not_stored(run: _Run, row: ImportedRow, fate: str) -> None:
    told = run.report.names[row.name]
    if fate == "there":
        told.there += 1
    elif fate == "gone":
        told.gone += 1
    else:
        told.other += 1
        run.reader.refuse(
            row.line,
            f"{told.name[:100]}: there is another value of {row.at.isoformat()}, which stays",
        )
