"""Time zones of a tenant and its places, by API and command, and what answers then say."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from contracts.reading import Reading, SeriesKey
from tests.hub.filled import NOW, TEMPERATURE, store_of, temperature
from tests.hub.ingest.test_ingest import stored

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]

# The hour from two to three of 25 October 2026 comes twice in Berlin.
FALL = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
AUTUMN = {"since": "2026-10-24T22:00:00Z", "until": "2026-10-25T23:00:00Z"}


async def ask(client, **query):
    answer = await client.get("/api/readings", params=query)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_zone_is_the_places_else_the_one_around_it_else_the_tenants(ann, rob, eve):
    first = (await rob.get("/api/zone")).json()
    assert first["of"] == "hub"
    answer = await ann.put("/api/zone", json={"zone": "Europe/Berlin"})
    assert answer.json() == {"zone": "Europe/Berlin", "of": "tenant"}
    assert (await eve.get("/api/zone")).json() == first  # another tenant's is its own

    async def place(name, **more):
        answer = await ann.post("/api/places", json={"name": name, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def zone(number):
        return (await rob.get(f"/api/places/{number}/zone")).json()["zone"]

    house = await place("Zoned house")
    hut = await place("Hut", parent=house, zone="Asia/Kathmandu")
    bed = await place("Bed", parent=hut)
    assert [await zone(one) for one in (house, hut, bed)] == [
        "Europe/Berlin", "Asia/Kathmandu", "Asia/Kathmandu",
    ]  # fmt: skip
    answer = await ann.patch(f"/api/places/{house}", json={"zone": "Australia/Lord_Howe"})
    assert answer.status_code == 200
    await ann.patch(f"/api/places/{hut}", json={"zone": None})
    assert [await zone(one) for one in (house, hut, bed)] == ["Australia/Lord_Howe"] * 3
    tree = {one["id"]: one for one in (await rob.get("/api/places")).json()}
    assert tree[house]["zone"] == "Australia/Lord_Howe"
    # Readings of devices that are there are told by their clock, those of others by the tenant's.
    await ann.patch("/api/devices/h1", json={"place": bed})
    told = (await ask(rob, series=f"h1/{TEMPERATURE}", resolution="daily")).json()
    assert told["zone"] == "Australia/Lord_Howe"
    both = await ask(rob, series=[f"h1/{TEMPERATURE}", "h2/Switch/On"])
    assert both.json()["zone"] == "Europe/Berlin"
    assert (await ask(rob, place=bed)).json()["zone"] == "Australia/Lord_Howe"
    await ann.patch("/api/devices/h1", json={"place": None})


@pytest.mark.parametrize("name", ["Mars/Olympus", "europe/berlin", "+02:00", "../UTC", ""])
async def test_what_is_no_zone_is_refused_everywhere(ann, rob, name):
    [place] = [one for one in (await rob.get("/api/places")).json() if one["name"] == "Zoned house"]
    for answer in (
        await ann.put("/api/zone", json={"zone": name}),
        await ann.patch(f"/api/places/{place['id']}", json={"zone": name}),
        await ann.post("/api/places", json={"name": "Nowhere", "zone": name}),
        await rob.get("/api/readings", params={"series": "h2/Switch/On", "zone": name}),
    ):
        assert answer.status_code == 422, answer.text
    assert "Nowhere" not in (await rob.get("/api/places")).text
    if name:
        assert f"{name!r} is no time zone" in answer.json()["detail"]


async def test_two_half_past_twos_are_told_apart_in_every_format(rob, full):
    async with store_of(full) as store:
        await stored(store, [
            Reading(temperature("fall"), float(n), FALL + n * timedelta(hours=1)) for n in range(2)
        ])  # fmt: skip
    query = {"series": f"fall/{TEMPERATURE}", "zone": "Europe/Berlin", **AUTUMN}
    raw = (await ask(rob, **query, resolution="raw")).json()
    assert [point[0] for point in raw["series"][0]["points"]] == [
        "2026-10-25T02:30:00.000000+02:00", "2026-10-25T02:30:00.000000+01:00",
    ]  # fmt: skip
    assert (raw["zone"], raw["since"]) == ("Europe/Berlin", "2026-10-25T00:00:00+02:00")
    text = (await ask(rob, **query, resolution="hourly", format="csv")).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["start"], row["n"]) for row in rows] == [
        ("2026-10-25T02:00:00.000000+02:00", "1"), ("2026-10-25T02:00:00.000000+01:00", "1"),
    ]  # fmt: skip
    [day] = (await ask(rob, **query, resolution="daily")).json()["series"][0]["points"]
    assert day[:2] == ["2026-10-25T00:00:00.000000+02:00", 2]
    content = (await ask(rob, **query, resolution="daily", format="parquet")).content
    table = pq.read_table(io.BytesIO(content))
    assert str(table.schema.field("start").type) == "timestamp[us, tz=Europe/Berlin]"
    assert table["increase"].to_pylist() == [None]
    plain = (await ask(rob, **query | {"zone": "UTC"}, resolution="daily")).json()
    assert [point[0] for point in plain["series"][0]["points"]] == ["2026-10-25T00:00:00.000000Z"]


async def test_times_have_one_form_all_year_wherever_it_is(rob, full):
    """Round and not, in winter and in summer, on both sides of the equator, at UTC's own offset."""
    at = [
        datetime(2026, month, day, 12, 0, 1, us, tzinfo=UTC)
        for month, day, us in ((1, 5, 0), (3, 30, 120), (7, 6, 0), (11, 2, 999_999))
    ]
    async with store_of(full) as store:
        await stored(store, [Reading(temperature("year"), 1.5 + n, t) for n, t in enumerate(at)])
    query = {
        "series": f"year/{TEMPERATURE}", "resolution": "raw",
        "since": "2026-01-01T00:00:00Z", "until": "2026-11-29T00:00:00Z",
    }  # fmt: skip
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")
    for zone in ("UTC", "Etc/UTC", "Europe/London", "Australia/Lord_Howe", "America/St_Johns"):
        text = (await ask(rob, **query, zone=zone, format="csv")).text
        times = [row["at"] for row in csv.DictReader(io.StringIO(text))]
        ends = {form.fullmatch(one)[1] for one in times}
        assert (ends == {"Z"}) == zone.endswith("UTC")
        assert "Z" not in ends or len(ends) == 1
        instants = [datetime.fromisoformat(one) for one in times]
        assert instants == at
        offsets = [one.astimezone(ZoneInfo(zone)).utcoffset() for one in at]
        assert [one.utcoffset() for one in instants] == offsets
        told = (await ask(rob, **query, zone=zone)).json()["series"][0]["points"]
        assert [point[0] for point in told] == times


async def test_bins_of_a_state_are_cells_of_a_spreadsheet_too(rob, full):
    """With a comma before decimals, what is JSON within a cell stays as it is."""
    begin = datetime(2026, 2, 2, tzinfo=UTC)
    on = SeriesKey("bins", "Switch", 0, "On")
    async with store_of(full) as store:
        await stored(store, [
            Reading(on, True, begin), Reading(on, False, begin + timedelta(seconds=90.5)),
        ])  # fmt: skip
    query = {
        "series": "bins/Switch/On", "resolution": "daily", "zone": "UTC",
        "since": "2026-02-02T00:00:00Z", "until": "2026-02-03T00:00:00Z", "format": "csv",
    }  # fmt: skip
    for separator, decimal in ((",", "."), (";", ","), ("\t", ",")):
        asked = await ask(rob, **query, separator=separator, decimal=decimal)
        [row] = csv.DictReader(io.StringIO(asked.text), delimiter=separator)
        assert row["start"] == "2026-02-02T00:00:00.000000Z"
        assert (row["n"], row["plain_mean"], row["seconds"]) == ("2", f"0{decimal}5", "86400")
        assert row["increase"] == ""
        assert json.loads(row["states"]) == {"0": 86309.5, "1": 90.5}


async def test_sentences_tell_times_by_the_clock_of_the_place(ann, rob):
    """A chain of a device has times in words; they are of its zone, which the answer names."""
    for zone in ("Asia/Kathmandu", "Pacific/Chatham"):
        await ann.put("/api/zone", json={"zone": zone})
        assert (await rob.get("/api/devices/h1/explain")).json()["zone"] == zone
    await ann.put("/api/zone", json={"zone": None})
    assert (await rob.get("/api/zone")).json()["of"] == "hub"
    assert NOW
