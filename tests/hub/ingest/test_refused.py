"""Readings that the database will never take: found in few tries, told in few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from contracts.reading import Reading, SeriesKey
from hub.database.database import Database
from hub.ingest.errors import ReadingRefusedError
from hub.ingest.ingest import Ingest

NOW = datetime.now(UTC)


def readings(device: str, values: Sequence[float]) -> list[Reading]:
    key = SeriesKey(device, "LightSensor", 0, "CurrentAmbientLightLevel")
    return [Reading(key, value, NOW) for value in values]


class Repository:
    """Refuses a batch with a value below 0."""

    def __init__(self) -> None:
        self.tried = 0
        self.stored: list[float] = []

    async def store(self, readings: Sequence[Reading]) -> Mapping[str, int]:
        self.tried += 1
        if any(float(reading.value) < 0 for reading in readings):
            raise ReadingRefusedError("below 0")
        self.stored += [float(reading.value) for reading in readings]
        return {"stored": len(readings)}


@pytest.mark.parametrize(("bad", "tries"), [(1, 25), (2, 45), (500, 70)], ids=["one", "two", "all"])
async def test_what_is_refused_is_found_in_few_tries(store: Database, caplog, bad, tries):
    ingest = Ingest(store.of("home"))
    repository = ingest._repository = Repository()
    wrong = set(range(0, 500, 500 // bad))
    await ingest._store_all(readings("evil", [-1.0 if n in wrong else n for n in range(500)]))
    assert repository.tried <= tries
    assert ingest.counts == {"refused": bad} | ({"stored": 500 - bad} if bad < 500 else {})
    assert len(caplog.records) == 1
    assert f"{bad} readings refused" in caplog.text


async def test_one_device_costs_the_others_none_of_theirs(store: Database):
    ingest = Ingest(store.of("home"))
    repository = ingest._repository = Repository()
    mixed = [*readings("d1", [1, 2]), *readings("evil", [-1.0] * 400), *readings("d2", [3, 4])]
    await ingest._store_all(mixed)
    assert sorted(repository.stored) == [1, 2, 3, 4]
    assert repository.tried < 80


async def test_lines_of_log_are_limited(store: Database, caplog):
    ingest = Ingest(store.of("home"))
    ingest._repository = Repository()
    for n in range(500):
        await ingest._store_all(readings(f"evil{n}", [-1.0]))
    assert ingest.counts["refused"] == 500
    assert len(caplog.records) <= 30
