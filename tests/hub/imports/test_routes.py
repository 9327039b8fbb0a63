"""Importing by API and command: who may, whose it is, which zone counts, what is told."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERIES = "esp_old/TemperatureSensor/CurrentTemperature"
MAP = f"sensor.hall={SERIES}@°F"
FILE = (
    b"entity_id,state,last_changed\n"
    b"sensor.hall,68,2026-04-05 02:30\n"
    b"sensor.hall,50,2026-01-01 00:00\n"
)


async def add(client, content=FILE, **query):
    return await client.post("/api/imports", params={"map": MAP, **query}, content=content)


async def test_a_tenants_zone_counts_and_nothing_is_another_tenants(ann, rob, eve):
    assert (await ann.put("/api/zone", json={"zone": "Australia/Adelaide"})).status_code == 200
    told = (await add(ann)).json()
    assert (told["dry_run"], told["zone"], told["stored"]) == (True, "Australia/Adelaide", 1)
    assert "2026-04-05 02:30 comes twice in Australia/Adelaide" in told["refused"][0]["reason"]
    assert told["refused"][0]["line"] == 2
    assert (await add(rob)).status_code == 403
    done = (await add(ann, dry_run="false", repeated_hour="second", source="old.csv")).json()
    assert (done["stored"], done["refused_lines"], done["names"][0]["new"]) == (2, 0, True)
    span = {"since": "2025-12-01T00:00:00Z", "until": "2026-05-01T00:00:00Z", "resolution": "raw"}
    found = (await ann.get("/api/readings", params={"series": SERIES, **span})).json()
    points = [(datetime.fromisoformat(at), value) for at, value, _ in found["series"][0]["points"]]
    assert points == [  # Adelaide is 10:30 ahead in summer, 9:30 from 03:00 on that day
        (datetime(2025, 12, 31, 13, 30, tzinfo=UTC), 10.0),
        (datetime(2026, 4, 4, 17, tzinfo=UTC), 20.0),
    ]
    [one] = (await rob.get("/api/imports")).json()
    assert (one["source"], one["who"], one["stored"]) == ("old.csv", "ann", 2)
    assert (await eve.get("/api/imports")).json() == []
    assert (await eve.get("/api/readings", params={"series": SERIES, **span})).status_code == 404
    # Eve's file with home's names is hers alone.
    told = (await add(eve)).json()
    assert told["names"][0]["new"] is True


@pytest.mark.parametrize(
    ("content", "query", "status", "told"),
    [
        (b"", {}, 422, "no reading"),
        (b"\x89PNG\x00", {}, 422, "line 1 is not UTF-8"),
        (FILE, {"map": "x=y"}, 422, "write theirs=device/Service/Characteristic"),
        (FILE, {"zone": "Mars/Base"}, 422, "is no time zone"),
        (FILE, {"format": "xlsx"}, 422, "format"),
    ],
)
async def test_what_cannot_be_is_said_in_a_line(ann, content, query, status, told):
    answer = await add(ann, content, **query)
    assert (answer.status_code, told in answer.json()["detail"]) == (status, True), answer.text


async def test_the_command_shows_first_what_it_would_do(web, tmp_path):
    path = tmp_path / "history.csv"
    path.write_bytes(FILE.replace(b"sensor.hall", b"sensor.cellar_temperature"))

    folder = ["--data-dir", str(web.data_dir), "--zone", "Asia/Kathmandu"]
    environment = {**os.environ, "COLUMNS": "200"}
    status, out = await web.command("hub", "import", str(path), *folder, env=environment)
    assert status == 0, out
    named = f"sensor.cellar_temperature=cellar_temperature/{SERIES.partition('/')[2]}"
    assert f"not imported: say --map '{named}'" in out
    mapping = tmp_path / "names.txt"
    mapping.write_text(f"# ours\n{named}\n")
    named = ["hub", "import", str(path), "--map-file", str(mapping), *folder]
    _, out = await web.command(*named, "--dry-run", env=environment)
    assert "2 to import" in out
    status, out = await web.command(*named, "--yes", env=environment)
    assert (status, "2 readings imported" in out) == (0, True), out
    _, out = await web.command("hub", "imports", *folder[:2], env=environment)
    assert "history.csv (csv), 3 lines: 2 readings stored" in out
