"""Imported once each, whatever is broken off; rollups and newest values afterwards."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from contracts.reading import Reading
from hub.imports.model import ImportOptions
from hub.imports.seen import SeenRows
from hub.imports.service import ImportBrokenOffError, ImportService
from hub.imports.targets import names_of
from hub.live import Live
from hub.readings.repository import Bins, ReadingRepository
from hub.readings.retention import RetentionRule, remove_expired, set_retention
from hub.removals.repository import RemovalRepository
from tests.hub.ingest.test_ingest import key, stored
from tests.hub.readings.test_readings import rolled
from tests.support.broker import until

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
OLD = NOW - timedelta(days=500)
NAME = "sensor.hall"
MAP = f"{NAME}={key().full_name}"
MINUTES = timedelta(minutes=7)


def rows_of(count, since=OLD):
    return [(since + n * MINUTES, round(n % 97 / 4, 2)) for n in range(count)]


def csv_of(rows):
    lines = ["entity_id,state,last_changed", *(f"{NAME},{v},{at.isoformat()}" for at, v in rows)]
    return "\n".join(lines).encode() + b"\n"


async def pieces(content, fail_at=None):
    for first in range(0, len(content), 60_000):
        if fail_at is not None and first >= fail_at:
            raise TimeoutError
        yield content[first : first + 60_000]


@pytest.fixture
def imports(store):
    return ImportService(store, Live())


OPTIONS = ImportOptions(ZoneInfo("UTC"), names=names_of([MAP]))


async def import_all(imports, rows, *, dry_run=False, options=OPTIONS):
    if dry_run:
        report = await imports.dry_run("home", pieces(csv_of(rows)), options)
    else:
        report = await imports.store("home", pieces(csv_of(rows)), options, source="x", who="ann")
    [one] = report.names
    return one, report


async def measured(store):
    readings = ReadingRepository(store.of("home"))
    found = await readings.samples(key(), OLD - timedelta(days=1), NOW + timedelta(days=1))
    return [(one.at, one.raw) for one in found]


async def test_a_file_is_imported_once_and_rollups_and_newest_value_have_it(store, imports):
    await store.ensure_tenant("home")
    rows = rows_of(12_000)  # 58 days over three months, in three batches
    told, report = await import_all(imports, rows, dry_run=True)
    assert (told.new, told.stored, report.number) == (True, 12_000, None)
    assert (told.first, told.last, told.low, told.high) == (OLD, rows[-1][0], 0.0, 24.0)
    assert await RemovalRepository(store.of("home")).series(key()) is None
    assert await imports.trail("home") == []
    told, report = await import_all(imports, rows)
    assert (told.stored, told.there, report.lines) == (12_000, 0, 12_001)
    assert await measured(store) == rows
    readings = ReadingRepository(store.of("home"))
    for bins, width in ((Bins.HOUR, timedelta(hours=1)), (Bins.DAY, timedelta(days=1))):
        assert await readings.bins(key(), OLD - width, NOW, bins) == rolled(rows, width)
    newest = await RemovalRepository(store.of("home")).newest(key())
    assert newest == (rows[-1][1], rows[-1][0])
    # The same again, and a file that overlaps it, of which one value is another.
    told, _ = await import_all(imports, rows)
    assert (told.stored, told.there) == (0, 12_000)
    more = [(rows[-1][0], 99.0), (OLD + timedelta(seconds=1), 5.0), *rows_of(3, rows[-2][0])]
    told, report = await import_all(imports, [*more, more[1]])
    assert (told.stored, told.there, told.other, told.overlap) == (2, 1, 3, 1)
    assert sorted(one.line for one in report.refused) == [2, 4, 5]
    assert "there is another value" in report.refused[0].reason
    [last, again, first] = await imports.trail("home")
    assert (first.stored, again.stored, last.stored, last.there) == (12_000, 0, 2, 1)
    assert (first.who, first.source, first.error) == ("ann", "x", "")
    assert first.finished_at is not None


async def test_files_that_come_slowly_keep_their_own_tenants_waiting_alone(store, imports):
    """Two of them held both turns for as long as their senders liked."""
    content, more, begun = csv_of(rows_of(12_000)), asyncio.Event(), []

    async def slowly(tenant):
        async for piece in pieces(content[:-60_000]):
            yield piece
        begun.append(tenant)
        await more.wait()
        yield content[-60_000:]

    for tenant in ("home", "beach", "school"):
        await store.ensure_tenant(tenant)
    slow = [
        asyncio.create_task(imports.store("home", slowly("home"), OPTIONS, source="x", who="ann")),
        asyncio.create_task(imports.dry_run("beach", slowly("beach"), OPTIONS)),
    ]
    await until(lambda: len(begun) == 2)
    report = await imports.store("school", pieces(content), OPTIONS, source="y", who="eve")
    assert report.stored == 12_000
    assert not any(one.done() for one in slow)
    again = asyncio.create_task(imports.dry_run("home", slowly("again"), OPTIONS))
    more.set()
    assert [(await one).stored for one in slow] == [12_000, 12_000]
    assert (await again).names[0].there == 12_000  # it began when the first had ended


async def test_what_breaks_off_stays_and_goes_on(store, imports):
    await store.ensure_tenant("home")
    rows = rows_of(12_000)
    content = csv_of(rows)

    async def broken(content, fail_at=None):
        return await imports.store("home", pieces(content, fail_at), OPTIONS, source="x", who="ann")

    with pytest.raises(TimeoutError):
        await broken(content, len(content) * 2 // 3)
    [one] = await imports.trail("home")
    assert (one.stored, one.finished_at) == (len(await measured(store)), None)
    assert 0 < one.stored < 12_000
    assert one.error == "the file's sender went away"
    with pytest.raises(ImportBrokenOffError, match="line 12002 has a zero byte"):
        await broken(content + b"\x00")
    told, _ = await import_all(imports, rows)
    assert told.stored + told.there == 12_000
    assert await measured(store) == rows


async def test_what_has_expired_is_not_imported_again(store, imports):
    rows = rows_of(500)
    await stored(store, [Reading(key(), 1.0, NOW)])
    await import_all(imports, rows)
    readings = ReadingRepository(store.of("home"))
    before = await readings.bins(key(), OLD - timedelta(days=1), NOW + timedelta(hours=1), Bins.DAY)
    await set_retention(store.of("home"), RetentionRule(30, 60))
    await remove_expired(store, dry=False)
    told, _ = await import_all(imports, [*rows, (NOW - timedelta(days=400), 3.0)])
    assert (told.gone, told.stored) == (500, 1)
    after = await readings.bins(key(), OLD - timedelta(days=1), OLD + timedelta(days=9), Bins.DAY)
    assert after == before[:-1]


async def test_readings_that_come_in_meanwhile_are_not_in_the_way(store, imports):
    await store.ensure_tenant("home")
    rows = rows_of(8000, NOW - timedelta(days=39))
    fresh = [Reading(key(), float(n), NOW + timedelta(seconds=n)) for n in range(20)]

    async def measuring():
        for one in fresh:
            await stored(store, [one])

    (told, _), _ = await asyncio.gather(import_all(imports, rows), measuring())
    assert told.stored == 8000
    expected = [*rows, *((one.at, one.value) for one in fresh)]
    assert await measured(store) == expected
    readings = ReadingRepository(store.of("home"))
    bins = await readings.bins(key(), OLD, NOW + timedelta(days=1), Bins.DAY)
    assert bins == rolled(expected, timedelta(days=1))
    assert await RemovalRepository(store.of("home")).newest(key()) == (19.0, fresh[-1].at)


async def test_a_dry_run_sees_what_comes_again_far_below(store, imports):
    """The same counts as the import itself, whatever comes twice and where."""
    await store.ensure_tenant("home")
    rows = rows_of(11_000)
    other = [(at, value + 1) for at, value in rows[5:25]]
    late = [(OLD - n * MINUTES, 1.5) for n in range(1, 5)]
    shuffled = [*rows, *rows[40:60], *other, *late, *late, *rows[7_000:7_030]]
    tried, report = await import_all(imports, shuffled, dry_run=True)
    assert (tried.stored, tried.there, tried.other) == (11_004, 20 + 4 + 30, 20)
    assert report.refused_lines == 20
    done, told = await import_all(imports, shuffled)
    assert (done.stored, done.there, done.other) == (tried.stored, tried.there, tried.other)
    assert [line.line for line in told.refused] == [line.line for line in report.refused]


def test_rows_are_remembered_beyond_memory_and_told_by_series_and_value():
    other = key("d2")
    with SeenRows() as seen:
        assert seen.repeats([key(), other], [OLD, OLD], [1, "on"]) == {}
        later = OLD + MINUTES
        keys, ats = [key(), other, other, key()], [OLD, OLD, later, later]
        assert seen.repeats(keys, ats, [1.0, "off", True, 2]) == {0: "there", 1: "other"}
        assert seen.repeats([other, key()], [later, later], [1, 2.5]) == {0: "there", 1: "other"}
        # What is older than all, and what lies between.
        assert seen.repeats([key()] * 2, [OLD - MINUTES, OLD + MINUTES / 2], [0, 0]) == {}
        assert seen.repeats([key()] * 2, [OLD - MINUTES, OLD + MINUTES / 2], [0, 1]) == {
            0: "there", 1: "other",
        }  # fmt: skip
