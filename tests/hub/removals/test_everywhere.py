"""What was removed is nowhere any more: API, Apple Home, live events, metrics, broker, command."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from contracts.reading import SeriesKey
from hub.api.scope import Scope
from hub.removals.model import RemovalKind, RemovalRequest
from hub.removals.repository import RemovalRepository
from hub.tokens.repository import TokenRepository
from tests.hub.filled import store_of
from tests.support.hub import rows, until
from tests.support.publisher import Publisher, RefusedError
from tests.system.test_one_truth import metrics, say

TEMPERATURE, HUMIDITY = (
    "TemperatureSensor/CurrentTemperature",
    "HumiditySensor/CurrentRelativeHumidity",
)
SERIES = f"esp_hot/{TEMPERATURE}"


async def sensor(hub):
    device = Publisher("esp_hot", hub.facts["mqtt_port"], hub.facts["enrol_port"])
    await device.enrol()
    return device


async def accessory(hub):
    """What Apple Home is shown of the device; None: nothing."""
    for home in await hub.ask("GET", "/homekit/accessories"):
        for bridge in home["bridges"]:
            for one in bridge["accessories"]:
                if one["device"] == "esp_hot":
                    return one["services"]
    return None


async def points(hub, resolution="raw"):
    query = {
        "series": SERIES, "resolution": resolution,
        "since": (datetime.now(UTC) - timedelta(days=2)).isoformat(),
    }  # fmt: skip
    return (await hub.ask("GET", "/readings", params=query))["series"][0]["points"]


async def refused(hub, method, path, **query):
    async with hub.operator() as client:
        answer = await client.request(method, path, params=query)
    return answer.status_code, answer.json()["detail"]


async def test_what_is_removed_is_gone_from_everything_that_showed_it(hub):
    device = await sensor(hub)
    for value in (20.5, 21.5, 85.0):  # a DS18B20's value at power-on, which nobody measured
        await say(hub, device, value, TEMPERATURE)
    await say(hub, device, 40, HUMIDITY)

    async def shown():
        return (await accessory(hub) or {}).get("TemperatureSensor")

    assert (await until(shown))["CurrentTemperature"] == 85
    bad = (await points(hub))[-1]
    assert bad[1] == 85

    async with store_of(hub) as store:
        _, token = await TokenRepository(store).make("home", "wall", {Scope.READ}, "test", None)
    url = f"http://127.0.0.1:{hub.facts['http_port']}"
    async with (
        httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as client,
        client.stream("GET", f"{url}/api/live") as live,
    ):
        lines = live.aiter_lines()
        assert "ready" in await anext(line async for line in lines if line.startswith("event:"))
        # Who may only look removes nothing.
        query = {"series": SERIES, "at": bad[0]}
        assert (await client.delete(f"{url}/api/readings", params=query)).status_code == 403
        done = await hub.ask("DELETE", "/readings", params=query | {"why": "power-on value"})
        assert (done["what"], done["readings"], done["why"]) == ("reading", 1, "power-on value")
        assert done["finished_at"] is not None
        told = [line async for line in _until_change(lines)]
    assert json.loads(told[-1].removeprefix("data: ")) == {"noun": "readings", "key": SERIES}

    assert await hub.value("esp_hot", "CurrentTemperature") == 21.5
    assert (await shown())["CurrentTemperature"] == 21.5
    assert (await metrics(hub))["esp_hot", "CurrentTemperature"] == 21.5
    assert [point[1] for point in await points(hub)] == [20.5, 21.5]
    (day,) = await points(hub, "daily")
    assert (day[1], day[3:7]) == (2, [20.5, 21.5, 21.5, 21.0])

    status, why = await refused(hub, "DELETE", "/readings", series=SERIES, at=bad[0])
    assert (status, "has no reading of" in why) == (404, True)
    status, why = await refused(hub, "DELETE", "/readings", series=SERIES)
    assert (status, "`since` and `until`" in why) == (422, True)

    # A series: its service leaves Apple Home, and comes back when it is heard.
    done = await hub.ask("DELETE", "/series", params={"series": SERIES})
    assert (done["what"], done["readings"]) == ("series", 2)
    assert await hub.value("esp_hot", "CurrentTemperature") is None

    async def without():
        found = await accessory(hub)
        return found is not None and "TemperatureSensor" not in found

    await until(without)
    await say(hub, device, 22.5, TEMPERATURE)
    assert (await until(shown))["CurrentTemperature"] == 22.5

    # The device, and all that is its own.
    await hub.ask("PATCH", "/devices/esp_hot/settings", json={"settings": {"interval": 60}})
    environment = {**os.environ, "TZ": "UTC"}
    folder = ("--data-dir", str(hub.data_dir))
    status, said = await hub.command(
        "hub", "remove", "esp_hot", "--yes", "--why", "sold", *folder, env=environment
    )
    assert (status, said) == (0, "esp_hot removed: 2 readings (sold)\n")
    assert [one["id"] for one in (await hub.status())["devices"]] == []
    assert await accessory(hub) is None
    await device.close()
    with pytest.raises(RefusedError):
        await device.connect()
    assert ("esp_hot", "CurrentTemperature") not in await metrics(hub)
    assert (await refused(hub, "DELETE", "/devices/esp_hot"))[0] == 404
    status, said = await hub.command("hub", "removals", *folder, env=environment)
    assert status == 0
    assert [line.split(": ", 1)[1] for line in said.splitlines()] == [
        "esp_hot removed: 2 readings (sold)",
        f"{SERIES} removed: 2 readings",
        f"{SERIES} of {_second(bad[0])} removed: 1 reading (power-on value)",
    ]
    changes = await hub.ask("GET", "/devices/esp_hot/history")
    assert {change["why"] for change in changes if change["after"] is None} >= {"sold"}
    await nothing_is_left(hub)


def _second(instant):
    return f"{datetime.fromisoformat(instant):%Y-%m-%d %H:%M:%S} UTC"


async def _until_change(lines):
    async for line in lines:
        yield line
        if line == "event: change":
            yield await anext(lines)
            return


async def nothing_is_left(hub):
    """No row speaks of the device but those that tell who removed it, and its number at Apple's."""
    tables = await rows(
        hub,
        "SELECT relname FROM pg_class WHERE relnamespace = 'dormouse'::regnamespace "
        "AND relkind IN ('r', 'p') AND NOT relispartition "
        "AND has_table_privilege(oid, 'SELECT')",
    )
    found = set()
    for (table,) in tables:
        for (row,) in await rows(hub, f"SELECT t::text FROM dormouse.{table} AS t"):
            if "esp_hot" in row:
                found.add(table)
    assert found <= {"removal", "device_key_history", "key_value"}
    kept = await rows(
        hub, "SELECT owner, area FROM dormouse.key_value WHERE position('esp_hot' IN key) > 0"
    )
    assert set(kept) <= {("homekit", "accessory")}


async def test_what_a_killed_hub_left_is_finished_by_the_next(hub):
    device = await sensor(hub)
    await say(hub, device, 20.5, TEMPERATURE)
    await device.close()
    await hub.kill()
    await hub.start()
    async with store_of(hub) as store:
        removals = RemovalRepository(store.of("home"))
        key = SeriesKey("esp_hot", "TemperatureSensor", 0, "CurrentTemperature")
        request = RemovalRequest(RemovalKind.DEVICE, key.device, None, None, None, "ann")
        number = await removals.begin(request)
        await hub.kill()
    await hub.start()

    async def finished():
        (found,) = await hub.ask("GET", "/removals")
        return found["id"] == number and found["finished_at"]

    await until(finished)
    assert (await hub.status())["devices"] == []
    accounts = (await hub.ask("GET", "/accounts"))["accounts"]
    assert "esp_hot" not in {one["name"] for one in accounts}
