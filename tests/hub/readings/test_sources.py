"""A source that came to say its numbers otherwise: noted once, with its time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts.reading import AS_SENT, Reading, SeriesKey, SourceScale
from hub.ingest.ingest import Ingest
from hub.ingest.redating import Redating
from hub.readings.marks import SourceChange
from hub.readings.points import PointRepository, Resolution, Span
from hub.readings.sources import source_changes
from tests.hub.ingest.test_ingest import key, stored
from tests.hub.ingest.test_redating import Now
from tests.hub.readings.test_binned import asked

BEGIN = datetime(2026, 5, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FAHRENHEIT, TENTHS = SourceScale("F"), SourceScale("", 0.1, 2)


def said(*scales, begin=BEGIN, series=None):
    return [
        Reading(series or key(), 20.0 + n, begin + n * MINUTE, source=scale)
        for n, scale in enumerate(scales)
    ]


async def changes(store, series=None, begin=BEGIN):
    [found] = await PointRepository(store.of("home")).find([series or key()])
    span = Span(begin - MINUTE, begin + timedelta(days=2))
    told = await source_changes(store.of("home"), [found], span)
    return [((one.at - begin) / MINUTE, one.before, one.scale) for one in told.get(found.id, [])]


async def test_a_change_has_the_time_of_the_first_reading_that_is_read_so(store):
    readings = said(AS_SENT, AS_SENT, FAHRENHEIT, FAHRENHEIT, TENTHS)
    expected = [(2, AS_SENT, FAHRENHEIT), (4, FAHRENHEIT, TENTHS)]
    await stored(store, readings)
    assert await changes(store) == expected
    # Told again, older than the change, and by who does not say: nothing new; nor after a restart.
    again = [replace(one, redelivered=True) for one in readings]
    await stored(store, [*again, *said(FAHRENHEIT), *said(None, begin=BEGIN + 9 * MINUTE)])
    await stored(store, said(TENTHS, begin=BEGIN + 10 * MINUTE))
    assert await changes(store) == expected


async def test_what_a_source_said_from_the_beginning_is_no_change(store):
    await stored(store, said(FAHRENHEIT, FAHRENHEIT))
    assert await changes(store) == []
    other = key("d2")
    ingest = Ingest(store.of("home"))
    await ingest.start()
    ingest.put(said(TENTHS, AS_SENT, series=other), lambda: None)  # in one transaction
    await ingest.stop()
    assert await changes(store, other) == [(1, TENTHS, AS_SENT)]


async def test_a_source_that_changes_all_the_time_keeps_a_hundred(store):
    ingest = Ingest(store.of("home"))
    await ingest.start()
    for n in range(0, 300, 50):
        flip = [FAHRENHEIT, AS_SENT] * 25
        ingest.put(said(*flip, begin=BEGIN + n * MINUTE), lambda: None)
    await ingest.stop()
    assert [at for at, _, _ in await changes(store)] == list(range(200, 300))


async def test_a_clock_that_is_set_takes_the_change_along(store):
    machine = Now(-3 * 86400)
    clock = machine.clock()
    readings = []
    for scale in (AS_SENT, FAHRENHEIT):
        machine.passes(60)
        readings.append(Reading(key(), 1.0, clock.now(), clock=clock.reference, source=scale))
    true = machine.true(clock)
    ingest = Ingest(store.of("home"), settled=lambda: False)
    await ingest.start()
    ingest.put(readings, lambda: None)
    await ingest.stop()
    machine.wrong = 0
    clock.check()
    redating = Redating(store, clock)
    await redating._redate()
    [(at, _, _)] = await changes(store, begin=true)
    assert abs(at) < 1 / 60


@pytest.mark.parametrize("resolution", [Resolution.HOURLY, Resolution.DAILY])
async def test_another_scale_is_no_increase_of_a_counter(store, resolution):
    series = SeriesKey("meter", "EnergyMeter", 0, "Energy")
    # Wh taken for kWh, until somebody put the rule right.
    values = (
        (5000.0, AS_SENT),
        (5100.0, AS_SENT),
        (5.2, SourceScale("Wh")),
        (5.5, SourceScale("Wh")),
    )
    await stored(store, [
        Reading(series, value, BEGIN + n * timedelta(hours=2), source=scale)
        for n, (value, scale) in enumerate(values)
    ])  # fmt: skip
    span = (BEGIN, BEGIN + timedelta(days=1))
    found = await asked(store, series, *span, resolution, "Asia/Kathmandu")
    assert sum(row[8] for row in found) == pytest.approx(100 + 0.3)


def test_a_change_in_words():
    change = SourceChange(BEGIN, FAHRENHEIT, AS_SENT)
    assert change.told(key()) == "source in °F, before in °C"
    other = SourceChange(BEGIN, SourceScale("", -0.1, 100), SourceScale("ug/m3"))
    assert other.told(SeriesKey("d", "X", 0, "Level")) == (
        "source × -0.1 + 100, before in µg/m³"  # noqa: RUF001
    )
