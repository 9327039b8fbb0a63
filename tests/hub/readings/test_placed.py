"""What was measured in a place, over moves, in every resolution and format."""

from __future__ import annotations

import csv
import io
import random
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
import pytest_asyncio

from contracts.reading import Reading, SeriesKey
from hub.devices.moves import MoveRepository
from hub.places.repository import PlaceRepository
from hub.readings.placed import PlacedRepository
from hub.readings.points import Form, Resolution, Span
from hub.readings.repository import ReadingRepository
from hub.readings.retention import RetentionRule, remove_expired, set_retention
from hub.readings.service import ReadingService
from tests.hub.filled import NOW, TEMPERATURE, store_of
from tests.hub.ingest.test_ingest import stored
from tests.hub.readings.weighted import bins, utc_edges
from tests.support import seeds

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]

DAYS = 5
BEGIN = NOW - timedelta(days=DAYS)
MOVED = NOW - timedelta(days=2, hours=3, minutes=25, seconds=30)
STORED, LEFT = NOW - timedelta(days=3, minutes=7), NOW - timedelta(days=1, minutes=11)
SPAN = {"since": BEGIN.isoformat(), "until": NOW.isoformat()}


def thermometer(device):
    return SeriesKey(device, "TemperatureSensor", 0, "CurrentTemperature")


async def fill(store, device, base):
    await stored(store, [
        Reading(thermometer(device), base + n / 10, BEGIN + timedelta(minutes=10 * n))
        for n in range(DAYS * 144)
    ])  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(full, ann):
    """p1 went from the kitchen to the cellar; p2 was in the pantry for a while. Places by name."""
    async with store_of(full) as store:
        await fill(store, "p1", 0)
        await fill(store, "p2", 1000)

    async def add(name, parent=None):
        answer = await ann.post("/api/places", json={"name": name, "parent": parent})
        return answer.json()["id"]

    house = await add("Moving house")
    kitchen = await add("Kitchen", house)
    places = {
        "house": house, "kitchen": kitchen, "pantry": await add("Pantry", kitchen),
        "cellar": await add("Cellar", house), "shed": await add("Empty shed"),
    }  # fmt: skip
    for device, place, since in (
        ("p1", "kitchen", BEGIN), ("p1", "cellar", MOVED), ("p2", "pantry", STORED),
        ("p2", None, LEFT),
    ):  # fmt: skip
        body = {"place": place and places[place], "since": since.isoformat()}
        answer = await ann.patch(f"/api/devices/{device}", json=body)
        assert answer.status_code == 200, answer.text
    return places


def there(device, since, until):
    """[(at, value)] that a device measured in a time."""
    base = 0 if device == "p1" else 1000
    readings = [(BEGIN + timedelta(minutes=10 * n), base + n / 10) for n in range(DAYS * 144)]
    return [(at, value) for at, value in readings if since <= at < until]


EXPECTED = {
    "house": {"p1": (BEGIN, NOW), "p2": (STORED, LEFT)},
    "kitchen": {"p1": (BEGIN, MOVED), "p2": (STORED, LEFT)},
    "pantry": {"p2": (STORED, LEFT)},
    "cellar": {"p1": (MOVED, NOW)},
    "shed": {},
}


def rolled(stays, readings, width):
    """Bins by the plain rule, of what was measured within some stays."""
    edges = utc_edges(BEGIN, NOW, width)
    return bins(readings, edges, timedelta(minutes=25), stays=stays)


async def ask(client, **query):
    answer = await client.get("/api/readings", params={**SPAN, "resolution": "raw", **query})
    assert answer.status_code == 200, answer.text
    return answer


def points(answer):
    return {
        one["series"].split("/")[0]: [
            (datetime.fromisoformat(at), *rest) for at, *rest in one["points"]
        ]
        for one in answer.json()["series"]
    }  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_place_has_what_was_measured_there(rob, home, name):
    expected = {device: there(device, *stay) for device, stay in EXPECTED[name].items()}
    found = points(await ask(rob, place=home[name]))
    assert {d: [(at, value) for at, value, _ in rows] for d, rows in found.items()} == expected
    for resolution, width in (("hourly", timedelta(hours=1)), ("daily", timedelta(days=1))):
        found = points(await ask(rob, place=home[name], resolution=resolution))
        assert {device: [row[:8] for row in rows] for device, rows in found.items()} == {
            device: rolled([EXPECTED[name][device]], rows, width)
            for device, rows in expected.items()
        }


async def test_files_have_the_same(rob, home):
    expected = [
        (f"{device}/{TEMPERATURE}", at, value)
        for device, stay in EXPECTED["kitchen"].items()
        for at, value in there(device, *stay)
    ]
    text = (await ask(rob, place=home["kitchen"], format="csv")).text
    assert [
        (row["series"], datetime.fromisoformat(row["at"]), float(row["value"]))
        for row in csv.DictReader(io.StringIO(text))
    ] == expected
    content = (await ask(rob, place=home["kitchen"], format="parquet")).content
    table = pq.read_table(io.BytesIO(content)).to_pylist()
    assert [(row["series"], row["at"], row["value"]) for row in table] == expected
    daily = (await ask(rob, place=home["kitchen"], format="csv", resolution="daily")).text
    rows = [row for row in csv.DictReader(io.StringIO(daily)) if row["series"].startswith("p1/")]
    days = rolled([(BEGIN, MOVED)], there("p1", BEGIN, MOVED), timedelta(days=1))
    assert [(int(row["n"]), float(row["last"])) for row in rows] == [(b[1], b[5]) for b in days]
    empty = await ask(rob, place=home["shed"], format="csv")
    assert empty.text == "series,at,value,raw\n"


async def test_it_says_when_the_device_was_there(rob, home):
    [p1, p2] = (await ask(rob, place=home["house"])).json()["series"]
    assert p1["there"] == [[BEGIN.isoformat(), NOW.isoformat()]]  # in one house all the time
    assert p2["there"] == [[STORED.isoformat(), LEFT.isoformat()]]
    stays = (await rob.get("/api/devices/p1/placements")).json()
    assert [(s["place_path"], s["since"], s["until"]) for s in stays] == [
        (["Moving house", "Kitchen"], _z(BEGIN), _z(MOVED)),
        (["Moving house", "Cellar"], _z(MOVED), None),
    ]
    inside = await rob.get("/api/devices", params={"place": home["house"]})
    assert [device["id"] for device in inside.json()] == ["p1"]


def _z(instant):
    return instant.isoformat().replace("+00:00", "Z")


async def test_a_series_and_a_place_are_what_that_series_measured_there(rob, home):
    series = [f"p1/{TEMPERATURE}", f"h1/{TEMPERATURE}"]
    found = points(await ask(rob, place=home["kitchen"], series=series))
    assert [value for _, value, _ in found["p1"]] == [v for _, v in there("p1", BEGIN, MOVED)]
    assert found["h1"] == []
    alone = await ask(rob, place=home["kitchen"], characteristic="AirPressure")
    assert alone.json()["series"] == []
    auto = (await ask(rob, place=home["house"], resolution="auto", points=100)).json()
    assert auto["resolution"] == "daily"


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({}, 422, "name one at least, or a `place`"),
        ({"place": 10**9}, 404, "no place 1000000000"),
        ({"place": 0}, 422, "query.place"),
        ({"series": f"p1/{TEMPERATURE}", "characteristic": "On"}, 422, "is of a `place`"),
        ({"place": 1, "characteristic": "x y"}, 422, "query.characteristic"),
    ],
)
async def test_what_makes_no_sense_is_refused(rob, home, query, status, said):
    answer = await rob.get("/api/readings", params={**SPAN, **query})
    assert answer.status_code == status, answer.text
    assert said in answer.json()["detail"]


async def test_overlaps_and_impossible_times_are_refused_in_words(ann, home):
    later = (NOW + timedelta(hours=2)).isoformat()
    for body, status, said in (
        (
            {"place": home["shed"], "since": BEGIN.isoformat()}, 409,
            "p1 is known to be in Moving house / Cellar from",
        ),
        ({"place": None, "since": BEGIN.isoformat()}, 409, "in one place at a time"),
        ({"place": home["shed"], "since": later}, 422, "do not lie in the future"),
        (
            {"place": home["shed"], "since": SPAN["until"], "until": SPAN["since"]}, 422,
            "since must lie before until",
        ),
        ({"since": BEGIN.isoformat()}, 422, "body.since: says when it came to `place`"),
        ({"place": home["shed"], "until": BEGIN.isoformat()}, 422, "give `since` as well"),
        ({"place": 10**9, "since": SPAN["until"]}, 404, ""),
        ({"place": home["shed"], "since": "2026-01-01T00:00:00"}, 422, "body.since"),
    ):  # fmt: skip
        before = (await ann.get("/api/devices/p1/placements")).json()
        answer = await ann.patch("/api/devices/p1", json=body)
        assert answer.status_code == status, (body, answer.text)
        assert said in answer.json()["detail"]
        assert (await ann.get("/api/devices/p1/placements")).json() == before


async def test_random_moves_are_cut_right_whatever_the_resolution(full):
    seed = seeds.seed()
    rng = random.Random(seed)
    async with store_of(full) as store:
        home, name = store.of("home"), f"r{seed}"
        await fill(store, name, 50)
        await ReadingRepository(home).calibrate(thermometer(name), gain=2, since=MOVED)
        room = await PlaceRepository(home).add(f"room {seed}")
        times = sorted(rng.sample(range(DAYS * 86400), 12))
        stays = [
            tuple(BEGIN + timedelta(seconds=s) for s in stay)
            for stay in zip(times[::2], times[1::2], strict=True)
        ]
        for since, until in stays:
            await MoveRepository(home).move(name, room, since=since, until=until, who="ann")
        placed, readings = PlacedRepository(home), ReadingService(store).of("home")
        span = Span(BEGIN, NOW)
        [series] = await placed.find(room, span)
        assert [(part.since, part.until) for part in series.within] == stays
        measured = [
            (at, value + 50 + (at >= MOVED) * (value + 50)) for at, value in there("p1", BEGIN, NOW)
        ]
        inside = [(at, v) for at, v in measured if any(a <= at < b for a, b in stays)]
        for resolution in (Resolution.HOURLY, Resolution.DAILY):
            rows = [
                row
                async for _, piece in readings.pieces([series], span, resolution, Form.PACKED)
                for row in zip(*piece.columns, strict=True)
            ]
            expected = rolled(stays, inside, resolution.width)
            assert [(_time(at), *rest[:7]) for at, *rest in rows] == [
                (at, n, mean, *map(pytest.approx, rest[:3]), *rest[3:])
                for at, n, mean, *rest in expected
            ]


async def test_who_was_there_all_along_has_the_bins_of_its_own(full):
    """What was measured there before the span holds into it."""
    async with store_of(full) as store:
        home = store.of("home")
        await fill(store, "all1", 20)
        room = await PlaceRepository(home).add("Room of always")
        await MoveRepository(home).move(
            "all1", room, since=BEGIN + timedelta(hours=2), until=None, who="ann"
        )
        placed, readings = PlacedRepository(home), ReadingService(store).of("home")
        midnight = NOW.replace(hour=0, minute=0, second=0)
        span = Span(midnight - timedelta(days=3) + timedelta(minutes=5), midnight)
        [there] = await placed.find(room, span)
        [alone] = await readings.find([thermometer("all1")])
        for resolution in (Resolution.HOURLY, Resolution.DAILY):
            first, second = [
                [
                    piece.text
                    async for _, piece in readings.pieces([one], span, resolution, Form.JSON)
                ]
                for one in (there, alone)
            ]
            assert first == second


def _time(microseconds):
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


async def test_where_readings_are_gone_whole_hours_count(full):
    async with store_of(full) as store:
        home = store.of("home")
        begin = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        begin -= timedelta(days=40)
        await stored(store, [
            Reading(thermometer("old1"), float(n), begin + timedelta(minutes=10 * n))
            for n in range(144)
        ])  # fmt: skip
        await set_retention(home, RetentionRule(30), thermometer("old1"))
        await remove_expired(store, dry=False)
        room = await PlaceRepository(home).add("Gone room")
        since = begin + timedelta(hours=5, minutes=20)
        await MoveRepository(home).move(
            "old1", room, since=since, until=begin + timedelta(days=3), who="ann"
        )
        placed, readings = PlacedRepository(home), ReadingService(store).of("home")
        span = Span(begin, begin + timedelta(days=4))
        [series] = await placed.find(room, span)
        for resolution, counts in ((Resolution.HOURLY, [6] * 18), (Resolution.DAILY, [108])):
            found = [
                list(piece.columns[1])
                async for _, piece in readings.pieces([series], span, resolution, Form.PACKED)
            ]
            assert found == [counts]
