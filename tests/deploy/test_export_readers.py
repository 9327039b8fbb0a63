"""Exports as pandas, polars, DuckDB and R read them, and a client that is generated from the API's
document: each with what people install, in an environment of its own."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.local_hub import SOCKET
from contracts.reading import Reading, SeriesKey
from tests.hub.filled import store_of
from tests.hub.ingest.test_ingest import stored

# Pinned and hashed by `make lock`.
PACKAGES = Path(__file__).parents[2] / "requirements/readers.txt"
# Over the night in which Adelaide's clocks are set back: 02:00 to 03:00 comes twice.
BEGIN = datetime(2026, 4, 4, 14, 50, tzinfo=UTC)
VALUES = [20.0, -5.5, 1e-7, 21.25, 19.0, 18.5]
TIMES = [BEGIN + timedelta(minutes=30 * n) for n in range(len(VALUES))]
TEMPERATURE = SeriesKey("thermo", "TemperatureSensor", 0, "CurrentTemperature")
SWITCH = SeriesKey("thermo", "Switch", 0, "On")

# Each prints [[microseconds since 1970, value], ...] of the temperatures, of what it read.
READERS = {
    "pandas": """
import pandas as pd
for one in (pd.read_csv("x.csv", parse_dates=["at"], date_format="ISO8601"),
            pd.read_csv("excel.csv", sep=";", decimal=",", encoding="utf-8-sig",
                        parse_dates=["at"], date_format="ISO8601"),
            pd.read_parquet("x.parquet"), pa.ipc.open_stream("x.arrow").read_pandas()):
    one["at"] = pd.to_datetime(one["at"], utc=True)
    assert one["value"].dtype == "float64", one.dtypes
    one = one[one["series"] == SERIES]
    tell(zip(one["at"].dt.as_unit("us").astype("int64"), one["value"]))
""",
    "polars": """
import polars as pl
for one in (pl.read_csv("x.csv", try_parse_dates=True), pl.read_parquet("x.parquet"),
            pl.read_ipc_stream("x.arrow")):
    assert one.schema["value"] == pl.Float64, one.schema
    if one.schema["at"] == pl.String:
        one = one.with_columns(pl.col("at").str.to_datetime(time_unit="us", time_zone="UTC"))
    one = one.filter(pl.col("series").cast(pl.String) == SERIES)
    tell(one.select(pl.col("at").dt.epoch("us"), "value").rows())
""",
    "duckdb": """
import duckdb
arrow = pa.ipc.open_stream("x.arrow").read_all()
for source in ("read_csv('x.csv')", "'x.parquet'", "arrow"):
    kinds = {row[0]: row[1] for row in duckdb.sql(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    assert (kinds["at"], kinds["value"]) == ("TIMESTAMP WITH TIME ZONE", "DOUBLE"), kinds
    tell(duckdb.execute(f'SELECT epoch_us("at"), value FROM {source} WHERE series = ? ORDER BY 1',
                        [SERIES]).fetchall())
""",
}
_BEFORE = """
import json
import pyarrow as pa
SERIES = {series!r}
def tell(rows):
    print(json.dumps([[int(at), float(value)] for at, value in rows]))
"""
R = """
x <- read.csv("x.csv", stringsAsFactors = FALSE)
stopifnot(is.numeric(x$value))
at <- as.POSIXct(sub("(..):(..)$", "\\\\1\\\\2", x$at), format = "%Y-%m-%dT%H:%M:%OS%z", tz = "UTC")
x <- x[x$series == SERIES, ]
cat(sprintf("%.0f %.17g\\n", as.numeric(at[seq_along(x$value)]) * 1e6, x$value), sep = "")
"""


@pytest.fixture(scope="module")
def readers(tmp_path_factory) -> Path:
    """An environment with the programs that read; skipped where they cannot be installed."""
    folder = tmp_path_factory.mktemp("readers")
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "-q", "--clear", folder], check=True)
    install = [uv, "pip", "install", "-q", "--python", folder / "bin/python"]
    install += ["--only-binary", ":all:", "--require-hashes", "-r", PACKAGES]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"not to be installed here: {done.stderr.strip()[-300:]}")
    return folder / "bin"


@pytest.fixture
async def exports(hub, tmp_path):
    """A folder with the same readings in all formats, and the API's document."""
    readings = [Reading(TEMPERATURE, v, at) for v, at in zip(VALUES, TIMES, strict=True)]
    readings.append(Reading(SWITCH, True, TIMES[2]))
    async with store_of(hub) as store:
        await stored(store, readings)
    query = {
        "series": [TEMPERATURE.full_name, SWITCH.full_name], "resolution": "raw",
        "since": BEGIN.isoformat(), "until": (BEGIN + timedelta(days=1)).isoformat(),
        "zone": "Australia/Adelaide",
    }  # fmt: skip
    excel = {"format": "csv", "separator": ";", "decimal": ",", "bom": "true"}
    async with hub.operator() as client:
        for name, more in (
            ("x.csv", {"format": "csv"}), ("x.parquet", {"format": "parquet"}),
            ("x.arrow", {"format": "arrow"}), ("excel.csv", excel),
        ):  # fmt: skip
            answer = await client.get("/readings", params=query | more)
            assert answer.status_code == 200, answer.text
            (tmp_path / name).write_bytes(answer.content)
        (tmp_path / "openapi.json").write_bytes((await client.get("/openapi.json")).content)
    return tmp_path


async def ran(*command: object, folder: Path) -> str:
    def work() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command], cwd=folder, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip

    done = await asyncio.to_thread(work)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def micros(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


async def test_programs_read_times_and_numbers_as_such(readers, exports):
    expected = [[micros(at), value] for at, value in zip(TIMES, VALUES, strict=True)]
    before = _BEFORE.format(series=TEMPERATURE.full_name)
    for name, program in READERS.items():
        told = await ran(readers / "python", "-c", before + program, folder=exports)
        answers = [json.loads(line) for line in told.splitlines()]
        assert answers == [expected] * len(answers), name
        assert len(answers) >= 3, name


async def test_r_reads_them(exports):
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed (Debian's r-base-core)")
    program = f'SERIES <- "{TEMPERATURE.full_name}"\n' + R
    told = await ran("Rscript", "-e", program, folder=exports)
    rows = [[int(at), float(value)] for at, value in map(str.split, told.splitlines())]
    assert rows == [[micros(at), value] for at, value in zip(TIMES, VALUES, strict=True)]


async def test_a_client_is_generated_from_the_document_and_asks(readers, exports, hub):
    made = [readers / "openapi-python-client", "generate", "--path", "openapi.json",
            "--output-path", "made", "--meta", "none"]  # fmt: skip
    told = await ran(*made, folder=exports)
    assert "Warning" not in told, told  # a route that the client would not have
    program = f"""
import importlib, pkgutil, httpx, made.api
from made import Client
from made.api.devices import devices_devices_get
modules = [importlib.import_module(one.name)
           for one in pkgutil.walk_packages(made.api.__path__, "made.api.")]
client = Client(base_url="http://hub/api").set_httpx_client(httpx.Client(
    transport=httpx.HTTPTransport(uds={str(hub.data_dir / SOCKET)!r}), base_url="http://hub/api"))
print(len(modules), *(one.id for one in devices_devices_get.sync(client=client)))
"""
    count, *devices = (await ran(readers / "python", "-c", program, folder=exports)).split()
    assert int(count) > 60
    assert devices == ["thermo"]
