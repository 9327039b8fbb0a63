"""Any query as a file that other programs take for what it is."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from contracts.reading import Reading
from hub.database.errors import QueryError
from hub.readings.csv_dialect import CsvDialect, DialectError, dialect_of
from hub.readings.export import ExportFormat, export
from hub.readings.points import Form, PointRepository, Span
from tests.hub.ingest.test_ingest import NOW, key, stored

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@A1",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff20A",
    # Behind what is dropped, or cannot be seen; small, raised and lowered forms; the minus.
    " =1",
    " \t +1",
    "\u00a0=1",
    "\u3000\uff1d1",
    "\ufeff=1",
    "\u200b@A1",
    "\u202e=1",
    "\x0b-1",
    "\u2066\u2069=1",
    "\ufe661",
    "\ufe62\ufe621",
    "\ufe631",
    "\ufe6bA",
    "\u207a1",
    "\u208c1",
    "\u22121",
]


async def exported(store, query, form=ExportFormat.CSV, **dialect):
    target = io.BytesIO()
    await export(store.of("home"), query, target, form, CsvDialect(**dialect))
    return target.getvalue()


def tables(parquet, arrow):
    yield pq.read_table(io.BytesIO(parquet))
    yield pa.ipc.open_stream(arrow).read_all()


async def both(store, query):
    return tables(
        await exported(store, query, ExportFormat.PARQUET),
        await exported(store, query, ExportFormat.ARROW),
    )


async def test_a_column_of_instants_has_one_form(store):
    round_, other = NOW, NOW.replace(microsecond=123)
    await stored(store, [Reading(key(), 1.0, round_), Reading(key(), 2.5, other)])
    for zone in ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe"):
        query = (
            "SELECT r.at, r.value, (r.value * 3)::numeric(9, 2) AS n, "
            "r.at AT TIME ZONE 'UTC' AS plain FROM dormouse.reading r, "
            f"set_config('timezone', '{zone}', true) ORDER BY at"
        )
        raw = await exported(store, query)
        rows = list(csv.DictReader(io.StringIO(raw.decode())))
        assert [row["at"] for row in rows] == [
            f"{at:%Y-%m-%dT%H:%M:%S.%f}Z" for at in (round_, other)
        ]
        table = pa.csv.read_csv(io.BytesIO(raw))
        assert pa.types.is_timestamp(table.schema.field("at").type)
        assert table.schema.field("at").type.tz == "UTC"
        assert table.schema.types[1] == pa.float64()
        assert pa.types.is_floating(table.schema.types[2])
    for table in await both(store, query):
        assert table.schema.types == [
            pa.timestamp("us", tz="UTC"), pa.float64(), pa.float64(), pa.timestamp("us"),
        ]  # fmt: skip
        assert table["at"].to_pylist() == [round_, other]
        assert table["n"].to_pylist() == [3.0, 7.5]


async def test_numbers_are_numbers_whatever_made_them(store):
    query = (
        "SELECT sum(n) AS s, avg(n) AS a, count(*) AS c, NULL::numeric AS x, "
        "'NaN'::numeric AS z FROM generate_series(1, 4::bigint) AS n"
    )
    for table in await both(store, query):
        (row,) = table.to_pylist()
        assert (row["s"], row["a"], row["c"], row["x"]) == (10.0, 2.5, 4, None)
        assert row["z"] != row["z"]  # NaN
    rows = list(csv.DictReader(io.StringIO((await exported(store, query)).decode())))
    assert (rows[0]["s"], float(rows[0]["a"]), rows[0]["x"]) == ("10", 2.5, "")


async def test_arrays_are_lists_or_refused_in_a_line(store):
    query = (
        "SELECT ARRAY[1, NULL, 3] AS i, ARRAY[1.5, 2]::numeric[] AS n, ARRAY['a', '=b'] AS t, "
        "ARRAY['2026-03-01 12:00+01'::timestamptz] AS at, NULL::int[] AS none, '{}'::float8[] AS e"
    )
    for table in await both(store, query):
        assert table.to_pylist() == [{
            "i": [1, None, 3], "n": [1.5, 2.0], "t": ["a", "=b"],
            "at": [datetime(2026, 3, 1, 11, tzinfo=UTC)], "none": None, "e": [],
        }]  # fmt: skip
        assert table.schema.field("e").type == pa.list_(pa.float64())
    (row,) = csv.DictReader(io.StringIO((await exported(store, query)).decode()))
    assert (row["i"], row["at"]) == ("[1, null, 3]", '["2026-03-01T11:00:00.000000Z"]')
    for nested in ("ARRAY[[1, 2], [3, 4]]", "ARRAY[['a'], ['b']]", "ARRAY[[1.5], [2]]::numeric[]"):
        for form in (ExportFormat.PARQUET, ExportFormat.ARROW):
            with pytest.raises(QueryError, match=r"column 'm' has arrays of .* unnest it") as told:
                await exported(store, f"SELECT {nested} AS m", form)
            assert "\n" not in str(told.value)


async def test_formulas_are_text_in_every_cell_and_every_name(store):
    for formula in FORMULAS:
        name = formula.replace('"', '""')
        cast = "'" + formula.replace("'", "''") + "'"
        query = f"SELECT {cast}::text AS \"{name}\", -1.5::float8 AS n, interval '-1 day' AS i"
        raw = (await exported(store, query)).decode()
        head, row = csv.reader(io.StringIO(raw, newline=""))
        assert (head[0], row[0]) == (f"'{formula}", f"'{formula}")
        assert row[1] == "-1.5"  # a number stays one
        assert row[2].startswith("'-1 day")
        for table in await both(store, query):
            assert table.to_pylist()[0][formula] == formula  # no spreadsheet reads these


async def test_excel_reads_its_users_numbers(store):
    query = "SELECT 1.5::float8 AS a, 2.25::numeric AS b, 'x;y' AS t, 3 AS c, true AS d"
    raw = await exported(store, query, separator=";", decimal=",", bom=True)
    assert raw == '\ufeffa;b;t;c;d\r\n1,5;2,25;"x;y";3;True\r\n'.encode()
    with pytest.raises(DialectError, match="another separator"):
        await exported(store, query, decimal=",")
    assert dialect_of("tab", ",") == CsvDialect("\t", ",")
    for bad in (("|", "."), (",", ","), (";", "'")):
        with pytest.raises(DialectError):
            dialect_of(*bad)


async def test_a_series_of_texts_has_no_formulas_either(store):
    """What Postgres writes: a text as it is, and each formula behind an apostrophe."""
    harmless = ["1=1", "a-b", "'=1", "\u2014 dash", "1\n=2", '"=1"', ""]
    name = key(characteristic="Name")
    texts = [*FORMULAS, *harmless]
    await stored(store, [
        Reading(name, text, NOW + timedelta(seconds=n)) for n, text in enumerate(texts)
    ])  # fmt: skip
    points = PointRepository(store.of("home"))
    span = Span(NOW, NOW + timedelta(hours=1))
    [series] = await points.find([name])
    pieces = [one async for one in points.pieces(series, span, Form.CSV)]
    rows = csv.reader(io.StringIO("\n".join(one.text for one in pieces), newline=""))
    assert [row[-1] for row in rows] == [*(f"'{text}" for text in FORMULAS), *harmless]
