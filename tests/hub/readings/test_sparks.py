"""The last day of series in half-hours."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.reading import Reading
from hub.database.errors import ForeignRowError
from hub.readings.repository import ReadingRepository
from hub.readings.service import ReadingService
from tests.hub.ingest.test_ingest import NOW, key, stored


async def test_half_hours_are_means_of_calibrated_readings_with_gaps_where_there_were_none(store):
    until = NOW.replace(minute=0, second=0)
    day = until - timedelta(hours=24)
    at = [(0, 10.0), (29, 12.0), (30, 20.0), (24 * 60 - 1, 30.0)]
    readings = [Reading(key("s0"), value, day + timedelta(minutes=m)) for m, value in at]
    readings.append(Reading(key("s0"), 99.0, day - timedelta(seconds=1)))
    readings.append(Reading(key("s1"), 5.0, day - timedelta(hours=1)))
    await stored(store, readings)
    await ReadingRepository(store.of("home")).calibrate(
        key("s0"), gain=1, offset=-1, since=day + timedelta(minutes=30)
    )
    found = await ReadingService(store).of("home").sparks([key("s0"), key("s1")], until)
    assert list(found) == [key("s0")]
    means = found[key("s0")]
    assert len(means) == 48
    assert {n: one for n, one in enumerate(means) if one is not None} == {0: 11, 1: 19, 47: 29}


async def test_no_series_is_no_question_and_a_strangers_is_refused(store):
    readings = ReadingService(store).of("home")
    assert await readings.sparks([], NOW) == {}
    with pytest.raises(ForeignRowError):
        await readings.sparks([key("nobody")], NOW)
