"""Readings in every format equal what is in the database; a great many hurt nobody."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.reading import Reading
from hub.readings.points import COLUMNS, Resolution
from hub.readings.repository import Bins, ReadingRepository
from hub.readings.retention import RetentionRule, remove_expired, set_retention
from tests.hub.filled import EVERY_S, HOURS, NOW, TEMPERATURE, store_of, temperature
from tests.hub.ingest.test_ingest import stored

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]

SERIES = f"h1/{TEMPERATURE}"
SPAN = {
    "since": (NOW - timedelta(hours=HOURS)).isoformat(),
    "until": (NOW + timedelta(minutes=1)).isoformat(),
}
MANY = 500_000


@pytest.fixture
async def truth(full):
    """[(at, value, raw)] of SERIES, as the database has it."""
    async with store_of(full) as store:
        found = await ReadingRepository(store.of("home")).samples(
            temperature("h1"), NOW - timedelta(days=9), NOW + timedelta(days=1)
        )
    return [(sample.at, sample.value, sample.raw) for sample in found]


async def ask(client, **query):
    query = {"series": SERIES, "resolution": "raw", **SPAN, **query}
    answer = await client.get("/api/readings", params=query)
    assert answer.status_code == 200, answer.text
    return answer


def rows_of_json(answer):
    [one] = answer.json()["series"]
    return [(datetime.fromisoformat(at), value, raw) for at, value, raw in one["points"]]


async def test_json_has_the_values_the_units_and_the_gap(rob, truth):
    answer = (await ask(rob)).json()
    assert (answer["resolution"], answer["columns"]) == ("raw", ["at", "value", "raw"])
    [one] = answer["series"]
    assert (one["label"], one["unit"], one["kind"]) == ("Temperature", "°C", "float")
    assert rows_of_json(await ask(rob)) == truth
    begin = NOW - timedelta(hours=HOURS)
    assert one["expected_s"] == EVERY_S
    assert [[datetime.fromisoformat(t) for t in gap] for gap in one["gaps"]] == [
        [begin + timedelta(seconds=99 * EVERY_S), begin + timedelta(seconds=120 * EVERY_S)]
    ]


async def test_csv_parquet_and_arrow_have_the_same(rob, truth):
    text = (await ask(rob, format="csv")).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["series"] for row in rows} == {SERIES}
    assert [
        (datetime.fromisoformat(row["at"]), float(row["value"]), float(row["raw"])) for row in rows
    ] == truth

    parquet = pq.read_table(io.BytesIO((await ask(rob, format="parquet")).content))
    arrow = pa.ipc.open_stream((await ask(rob, format="arrow")).content).read_all()
    for table in (parquet, arrow):
        assert table.column_names == ["series", "at", "value", "raw"]
        assert table.schema.field("at").type == pa.timestamp("us", tz="UTC")
        columns = [table[name].to_pylist() for name in ("at", "value", "raw")]
        assert list(zip(*columns, strict=True)) == truth
        assert set(table["series"].to_pylist()) == {SERIES}


async def test_several_series_of_every_kind_go_into_one_file(rob, truth):
    names = [SERIES, "h2/Switch/On", "h2/AccessoryInformation/Name"]
    for form in ("parquet", "arrow"):
        content = (await ask(rob, series=names, format=form)).content
        if form == "parquet":
            table = pq.read_table(io.BytesIO(content))
        else:
            table = pa.ipc.open_stream(content).read_all()
        by_series = {name: [] for name in names}
        for row in table.to_pylist():
            by_series[row["series"]].append((row["value"], row["text"]))
        assert by_series[SERIES] == [(value, None) for _, value, _ in truth]
        assert by_series["h2/Switch/On"] == [(1.0, None)]
        assert by_series["h2/AccessoryInformation/Name"] == [(None, "<script>alert('x')</script>")]
    answer = (await ask(rob, series=names)).json()
    assert [one["kind"] for one in answer["series"]] == ["float", "bool", "string"]
    assert answer["series"][1]["points"][0][1:] == [True, True]


async def test_bins_are_those_of_the_rollup(rob, full):
    async with store_of(full) as store:
        bins = await ReadingRepository(store.of("home")).bins(
            temperature("h1"), NOW - timedelta(days=9), NOW + timedelta(days=1), Bins.HOUR
        )
    [one] = (await ask(rob, resolution="hourly")).json()["series"]
    columns = "n", "plain_mean", "low", "high", "last"
    rows = [dict(zip(COLUMNS[Resolution.HOURLY], row, strict=True)) for row in one["points"]]
    assert [(datetime.fromisoformat(r["start"]), *map(r.get, columns)) for r in rows] == [
        (b.start, b.n, pytest.approx(b.mean), b.low, b.high, b.last) for b in bins
    ]
    table = pq.read_table(
        io.BytesIO((await ask(rob, resolution="hourly", format="parquet")).content)
    )
    assert table["n"].to_pylist() == [b.n for b in bins]
    assert table["high"].to_pylist() == [b.high for b in bins]


async def test_an_empty_answer_is_whole_in_every_format(rob):
    early = {"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}
    assert rows_of_json(await ask(rob, **early)) == []
    assert (await ask(rob, **early, format="csv")).text == "series,at,value,raw\n"
    for form in ("parquet", "arrow"):
        content = (await ask(rob, **early, format=form)).content
        table = (
            pq.read_table(io.BytesIO(content))
            if form == "parquet"
            else pa.ipc.open_stream(content).read_all()
        )
        assert table.num_rows == 0


@pytest.mark.parametrize(("points", "resolution"), [(2000, "raw"), (100, "hourly"), (10, "daily")])
async def test_auto_takes_what_fits(rob, points, resolution):
    answer = await ask(rob, resolution="auto", points=points)
    assert answer.json()["resolution"] == resolution


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "application/json"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        (
            "application/vnd.apache.arrow.stream;q=0.9, text/html",
            "application/vnd.apache.arrow.stream",
        ),
        ("text/html, */*;q=0.1", "application/json"),
        ("application/json;q=0.2, text/csv;q=0.9", "text/csv; charset=utf-8"),
    ],
)
async def test_the_accept_header_chooses(rob, accept, media):
    answer = await rob.get(
        "/api/readings", params={"series": SERIES, **SPAN}, headers={"Accept": accept}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, media)


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"series": "h1/Nothing/There"}, 404, "no series h1/Nothing/There"),
        ({"series": "h1"}, 422, "query.series.0"),
        ({"series": [f"h{n}/{TEMPERATURE}" for n in range(51)]}, 422, "query.series"),
        ({"since": "yesterday"}, 422, "query.since"),
        ({"since": "1"}, 422, "query.since: is a number: write 2026-03-01T12:00:00Z"),
        ({"since": "2026-01-01T00:00:00"}, 422, "query.since"),
        ({"since": "1900-01-01T00:00:00Z"}, 422, "query.since: lies before 1970 or after 2200"),
        ({"since": SPAN["until"], "until": SPAN["since"]}, 422, "query.since: must lie before"),
        ({"resolution": "weekly"}, 422, "query.resolution"),
        ({"format": "xlsx"}, 422, "query.format"),
        ({"points": "0"}, 422, "query.points"),
        ({"sins": "x"}, 422, "query.sins"),
        ({"as_of": SPAN["since"], "resolution": "hourly"}, 422, "ask for resolution=raw"),
        (
            {"series": "h2/AccessoryInformation/Name", "resolution": "daily"},
            422,
            "h2/AccessoryInformation/Name is text, which has no bins",
        ),
    ],
)
async def test_what_makes_no_sense_is_refused_in_one_line(rob, query, status, said):
    answer = await rob.get("/api/readings", params={"series": SERIES, **SPAN, **query})
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status), problem
    assert said in problem["detail"]
    assert "\n" not in problem["detail"]


async def test_only_unknown_types_are_not_acceptable(rob):
    answer = await rob.get(
        "/api/readings", params={"series": SERIES}, headers={"Accept": "image/png"}
    )
    assert answer.status_code == 406
    assert "text/csv" in answer.json()["detail"]


async def test_an_offset_whose_plus_sign_was_not_escaped_is_understood(rob, truth):
    since = SPAN["since"].replace("+00:00", " 00:00")
    assert " " in since
    assert rows_of_json(await ask(rob, since=since)) == truth


async def test_values_can_be_had_as_they_were_calibrated_then(ann, full):
    series = f"b1/{TEMPERATURE}"
    refused = await ann.put("/api/calibrations", json={"series": series, "gain": 2})
    assert refused.status_code == 404
    name = SERIES
    before = await ask(ann)
    instant = datetime.now(NOW.tzinfo).isoformat()
    body = {"series": name, "gain": 2, "offset": 1, "since": NOW.isoformat()}
    body["since"] = (NOW - timedelta(hours=1)).isoformat()
    assert (await ann.put("/api/calibrations", json=body)).status_code == 204
    try:
        after = rows_of_json(await ask(ann))
        assert [value for at, value, raw in after] == [
            raw * 2 + 1 if at >= NOW - timedelta(hours=1) else raw for at, value, raw in after
        ]
        assert rows_of_json(await ask(ann, as_of=instant)) == rows_of_json(before)
        history = (await ann.get("/api/devices/h1/history")).json()
        assert (history[0]["property"], history[0]["who"]) == ("calibration", "ann")
    finally:
        assert (await ann.put("/api/calibrations", json={"series": name})).status_code == 204


@pytest.fixture
async def many(full):
    """A series of half a million readings, one a second, put straight into the database."""
    async with store_of(full) as store, store.of("home").transaction() as conn:
        await conn.execute(
            "INSERT INTO dormouse.device (key) VALUES ('big') ON CONFLICT DO NOTHING"
        )
        made = await conn.execute(
            """INSERT INTO dormouse.series (device_id, service, index, characteristic, kind)
               SELECT id, 'TemperatureSensor', 0, 'CurrentTemperature', 'float'
               FROM dormouse.device WHERE key = 'big' ON CONFLICT DO NOTHING RETURNING id"""
        )
        row = await made.fetchone()
        if row is not None:
            # Of this and the last month, whose partitions there are.
            await conn.execute("SELECT dormouse.ensure_partition(now() - interval '20 days')")
            await conn.execute(
                """INSERT INTO dormouse.reading (series_id, at, value)
                   SELECT %s, now() - n * interval '1 second', n
                   FROM generate_series(1, %s) AS n""",
                [row[0], MANY],
            )
    return {
        "series": f"big/{TEMPERATURE}",
        "since": (NOW - timedelta(days=13)).isoformat(),
        "until": (NOW + timedelta(hours=1)).isoformat(),
        "resolution": "raw",
    }


def rss(hub):
    """Resident memory in MB."""
    status = Path(f"/proc/{hub.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) // 1024


async def test_many_points_are_streamed_in_little_memory_and_slow_nobody(rob, many, full, ann):
    """The file comes piece by piece; meanwhile the others are answered, and memory stays."""
    await ask(rob, format="parquet")  # pyarrow is loaded
    before, most, lines, answered, earlier = rss(full), 0, 0, 0, 0
    done = asyncio.Event()

    async def meanwhile():
        nonlocal most, answered
        while not done.is_set():
            answer = await ann.get("/api/devices/h1")
            assert answer.status_code == 200
            answered += 1
            most = max(most, rss(full))
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(meanwhile())
    try:
        async with rob.stream("GET", "/api/readings", params={**many, "format": "csv"}) as answer:
            async for chunk in answer.aiter_bytes():
                if not lines:
                    earlier = answered
                lines += chunk.count(b"\n")
        others = answered - earlier  # between its first piece and its last
        parquet = bytearray()
        async with rob.stream(
            "GET", "/api/readings", params={**many, "format": "parquet"}
        ) as answer:
            async for chunk in answer.aiter_bytes():
                parquet += chunk
    finally:
        done.set()
        await watching
    print(f"{earlier} answers before, {others} meanwhile, +{most - before} MB")
    assert lines == MANY + 1
    assert others > max(5, 2 * earlier)
    # The CSV file alone has 45 MB, and took as much again when it was made in one piece.
    assert most - before < 60, (before, most)
    table = pq.read_table(io.BytesIO(bytes(parquet)))
    assert table.num_rows == MANY
    values = table["value"].to_pylist()
    assert values == [float(n) for n in range(MANY, 0, -1)]


async def test_many_points_as_json_are_refused_with_what_to_do(rob, many):
    answer = await rob.get("/api/readings", params=many)
    assert answer.status_code == 422
    for way in ("shorter span", "resolution=hourly", "format=csv"):
        assert way in answer.json()["detail"]
    answer = await rob.get("/api/readings", params={**many, "resolution": "auto"})
    assert answer.json()["resolution"] in {"hourly", "daily"}


async def test_answers_under_way_are_bounded_for_each_tenant(rob, eve, many):
    query = {**many, "format": "csv"}
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        enough = asyncio.Event()

        async def dawdle(ready):
            async with rob.stream("GET", "/api/readings", params=query) as answer:
                assert answer.status_code == 200
                ready.set()
                await enough.wait()

        begun = [asyncio.Event() for _ in range(4)]
        for ready in begun:
            group.create_task(dawdle(ready))
        for ready in begun:
            await ready.wait()
        try:
            answer = await rob.get("/api/readings", params=query)
            assert answer.status_code == 429
            assert answer.headers["retry-after"] == "2"
            # A reader that dawdles holds up nobody: another tenant, another question.
            other = await eve.get("/api/readings", params={"series": f"b1/{TEMPERATURE}"})
            assert other.status_code == 200
            assert (await rob.get("/api/devices")).status_code == 200
        finally:
            enough.set()
    # Those who went away in the middle are forgotten.
    async with asyncio.timeout(60):
        while (await rob.get("/api/readings", params={"series": SERIES})).status_code == 429:
            await asyncio.sleep(0.05)


async def test_the_document_names_every_column(nobody):
    document = (await nobody.get("/api/openapi.json")).json()
    said = json.dumps(document["paths"]["/readings"])
    for media in ("application/json", "text/csv", "parquet", "arrow"):
        assert media in said


async def test_a_calibration_is_transformed_where_readings_are_gone_and_says_from_when(ann, full):
    begin = NOW.replace(hour=0, minute=0, second=0) - timedelta(days=50)
    name = f"gone_1/{TEMPERATURE}"
    async with store_of(full) as store:
        await stored(store, [
            Reading(temperature("gone_1"), 20 + n / 8, begin + timedelta(minutes=15 * n))
            for n in range(2 * 96)
        ])  # fmt: skip
        await set_retention(store.of("home"), RetentionRule(30), temperature("gone_1"))
        await remove_expired(store, dry=False)
    span = {"since": begin.isoformat(), "until": (begin + timedelta(days=2)).isoformat()}
    since = begin + timedelta(days=1, hours=6, minutes=20)
    body = {"series": name, "gain": 2, "offset": -1}
    assert (await ann.put("/api/calibrations", json=body)).status_code == 204
    body = {"series": name, "gain": 3, "since": since.isoformat()}
    assert (await ann.put("/api/calibrations", json=body)).status_code == 204
    held = (await ann.get("/api/calibrations", params={"series": name})).json()
    edge = (begin + timedelta(days=1, hours=6)).isoformat().replace("+00:00", "Z")
    assert [(c["gain"], c["offset"], c["since"], c["until"]) for c in held] == [
        (2, -1, None, edge), (3, 0, edge, None),
    ]  # fmt: skip
    query = {"series": name, **span}
    for resolution, hours in (("hourly", 1), ("daily", 24)):
        answer = await ask(ann, **query, resolution=resolution)
        [one] = answer.json()["series"]
        for at, n, mean, low, high, last, *_ in one["points"]:
            start = datetime.fromisoformat(at)
            raw = [
                (begin + timedelta(minutes=15 * k), 20 + k / 8)
                for k in range(2 * 96)
                if start <= begin + timedelta(minutes=15 * k) < start + timedelta(hours=hours)
            ]
            edge_at = datetime.fromisoformat(edge)
            values = [3 * v if t >= edge_at else 2 * v - 1 for t, v in raw]
            expected = (
                len(values),
                sum(values) / len(values),
                min(values),
                max(values),
                values[-1],
            )
            assert (n, mean, low, high, last) == tuple(map(pytest.approx, expected))
