"""Where a device says that it was put when it was set up."""

from __future__ import annotations

import asyncio
import json

import pytest

from contracts.messages import parse
from hub.database.database import Database
from hub.devices.recorder import DeviceRecorder
from hub.live import Live
from hub.places.reported import ReportedPlaces, path_of
from hub.places.service import PlaceService
from tests.hub.devices.test_reports_away import delivery, renamed, report
from tests.support.hub import rows, until
from tests.support.postgres import ClonedDatabase, Server
from tests.support.publisher import Publisher


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Kitchen", ["Kitchen"]),
        (" House /Attic ", ["House", "Attic"]),
        ("Füße / 📶", ["Füße", "📶"]),
        ("", []),
        ("House //", []),
        ("/", []),
        ("/".join("abcdefghijk"), []),
        ("x" * 101, []),
        ("a\x1bb", []),
        (5, []),
        (None, []),
    ],
)
def test_a_path_is_names_from_the_outside_in(text, path):
    assert path_of(text) == path


@pytest.mark.timeout(300)
async def test_a_place_that_is_said_while_the_database_is_away_is_not_lost(
    server: Server, database: ClonedDatabase, store: Database
):
    places = PlaceService(store)
    await DeviceRecorder(store, lambda _: "home").report(report("d1", 1000), delivery(0))
    reported = ReportedPlaces(places, Live(), lambda _: "home")
    away = f"{database.name}_away"
    await renamed(server, database.name, away)
    said = parse("HomeKit/d1/$report", b'{"firmware": "1.0.0", "place": "House / Attic"}')
    waiting = asyncio.create_task(reported.report(said, delivery(1, tag=None)))
    await until(lambda: asyncio.sleep(0, "d1" in reported._waiting))
    await renamed(server, away, database.name)
    await waiting
    assert await places.was_placed("home", "d1")
    assert not reported._waiting


async def where(hub, device: str) -> list[str]:
    found = await rows(
        hub,
        """SELECT p.name FROM dormouse.device d JOIN dormouse.place p ON p.id = d.location_id
           WHERE d.key = %s""",
        device,
    )
    return [name for (name,) in found]


async def test_it_is_put_there_once_and_a_person_has_the_last_word(hub):
    device = Publisher("esp8266_15c5d000", hub.facts["mqtt_port"], hub.facts["enrol_port"])
    await device.enrol()

    async def report(**more) -> None:
        said = json.dumps({"firmware": "0.1.0", **more}).encode()
        await device.send(f"HomeKit/{device.device}/$report", said, tag=0)
        await device.drain()

    await report()
    await report(place="House / Attic")
    assert await until(lambda: where(hub, device.device)) == ["Attic"]
    # Another report, another set-up: it was placed before.
    await report(place="Cellar")
    await report(place="House / Cellar", seq=1)

    async def heard():
        (found,) = [one for one in (await hub.status())["devices"] if one["id"] == device.device]
        return found["report"].get("seq") == 1

    await until(heard)
    assert await where(hub, device.device) == ["Attic"]
    assert await rows(hub, "SELECT name FROM dormouse.place ORDER BY name") == [
        ("Attic",), ("House",),
    ]  # fmt: skip
    await device.close()
