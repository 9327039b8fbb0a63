"""A value is calibrated wherever it is shown: at once, after a change and after its reversal."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hub.mqtt.endpoint import Endpoint
from tests.support.broker import subscriber
from tests.support.hub import rows, until
from tests.support.publisher import Publisher

HUMIDITY = "HumiditySensor/CurrentRelativeHumidity"
LEVEL = "BatteryService/BatteryLevel"
PASSWORD = "0123456789abcdef"

pytestmark = pytest.mark.parametrize("hub", [{"HOME_ASSISTANT": "homeassistant"}], indirect=True)


async def sensor(hub, name="esp_wet"):
    device = Publisher(name, hub.facts["mqtt_port"], hub.facts["enrol_port"])
    await device.enrol()
    return device


async def say(hub, device, value, what=HUMIDITY):
    """A device says something, and the hub has it."""
    await device.send(f"HomeKit/{device.device}/{what}", str(value).encode(), tag=1)
    await device.drain()

    async def stored():
        found = await hub.ask("GET", "/series")
        series = f"{device.device}/{what}"
        return any((s["series"], s["raw"]) == (series, value) for s in found)

    await until(stored)


async def calibrate(hub, series, **how):
    await hub.ask("PUT", "/calibrations", json={"series": series, **how})


async def metrics(hub):
    """Newest values by device and characteristic, as Prometheus scrapes them."""
    made = await hub.ask("POST", "/tokens", json={"name": "p", "scopes": ["metrics"]})
    url = f"http://127.0.0.1:{hub.facts['http_port']}/metrics"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {made['token']}"}) as client:
        text = (await client.get(url)).raise_for_status().text
    return {
        (sample.labels["device"], sample.labels["characteristic"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "dormouse_value"
    }


async def everywhere(hub, place):
    """(value, raw) of the humidity wherever a program or a person may read it."""
    series = f"esp_wet/{HUMIDITY}"
    shown = {}
    for name, path in (("device", "/devices/esp_wet"), ("status", "/status")):
        answer = await hub.ask("GET", path)
        found = answer["series"] if name == "device" else answer["devices"][0]["values"]
        [one] = [v for v in found if "CurrentRelativeHumidity" in json.dumps(v)]
        shown[name] = one["value"], one["raw"]
    tree = await hub.ask("GET", "/places", params={"devices": True})
    [here] = [p for p in tree if p["id"] == place]
    one = here["devices"][0]["values"][HUMIDITY]
    shown["places"] = one["value"], one["raw"]
    answer = await hub.ask("GET", "/readings", params={"series": series, "resolution": "raw"})
    shown["readings"] = tuple(answer["series"][0]["points"][-1][1:])
    async with hub.operator() as client:
        query = {"series": series, "resolution": "raw", "format": "csv"}
        text = (await client.get("/readings", params=query)).raise_for_status().text
    last = list(csv.DictReader(io.StringIO(text)))[-1]
    shown["csv"] = float(last["value"]), float(last["raw"])
    [sql] = await rows(hub, "SELECT value, raw FROM dormouse.newest WHERE raw > 0")
    shown["sql"] = sql
    return shown


async def test_a_calibration_reaches_everything_at_once_and_so_does_its_reversal(hub, pair):
    tool = Endpoint("127.0.0.1", hub.facts["mqtt_port"], "viewer.ha", PASSWORD)
    await hub.ask("POST", "/accounts/viewer.ha", json={"password": PASSWORD})
    device = await sensor(hub)
    await say(hub, device, 50.0)
    place = (await hub.ask("PUT", "/devices/esp_wet/place", json={"path": ["Cellar"]}))["place"]
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    spot = await phone.wait_for("esp_wet", "HumiditySensor", "CurrentRelativeHumidity")
    await phone.subscribe(spot)
    topic = "dormouse/home/esp_wet/HumiditySensor/0/CurrentRelativeHumidity"
    async with subscriber(tool, "dormouse/#") as (_, told):

        async def assistant_has(text):
            said = [d.payload.decode() for d in told if d.topic == topic]
            return said[-1:] == [text]

        await until(lambda: assistant_has("50.0"))
        for how, value in (
            ({"gain": 1.25, "offset": -2.5}, 60.0),
            ({"offset": 3.0}, 53.0),
            ({}, 50.0),  # reversed
        ):
            await calibrate(hub, f"esp_wet/{HUMIDITY}", **how)
            assert await phone.event(spot) == value  # told, without being asked
            assert await phone.read(spot) == value
            await until(lambda value=value: assistant_has(str(value)))
            found = await everywhere(hub, place)
            assert set(found.values()) == {(value, 50.0)}, found
            assert (await metrics(hub))["esp_wet", "CurrentRelativeHumidity"] == value
            status, table = await hub.command(
                "status", "--data-dir", str(hub.data_dir), env=dict(os.environ)
            )
            assert status == 0, table
            assert f"{value:.1f} %" in table
        # What comes next is calibrated when it comes.
        await calibrate(hub, f"esp_wet/{HUMIDITY}", offset=-4)
        assert await phone.event(spot) == 46.0
        await say(hub, device, 70.0)
        await phone.until(spot, lambda shown: shown == 66.0)
        await until(lambda: assistant_has("66.0"))
    await device.close()


async def test_what_follows_from_a_value_follows_from_the_calibrated_one(hub, pair):
    device = await sensor(hub, "esp_low")
    await say(hub, device, 24, LEVEL)
    await say(hub, device, 20.0, "TemperatureSensor/CurrentTemperature")
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    level = await phone.wait_for("esp_low", "BatteryService", "BatteryLevel")
    low = await phone.wait_for("esp_low", "BatteryService", "StatusLowBattery")
    assert (await phone.read(level), await phone.read(low)) == (24, 0)
    await calibrate(hub, f"esp_low/{LEVEL}", gain=0.8, offset=-1.5)
    # 17.7, which HomeKit has no room for: its levels are whole.
    assert (await phone.read(level), await phone.read(low)) == (18, 1)
    # Beyond what HomeKit takes it shows the most it may.
    await calibrate(hub, f"esp_low/{LEVEL}", gain=100)
    assert (await phone.read(level), await phone.read(low)) == (100, 0)
    await calibrate(hub, f"esp_low/{LEVEL}")
    assert (await phone.read(level), await phone.read(low)) == (24, 0)
    # Colder than HAP's own limits allow: what is declared grows with it.
    cold = await phone.wait_for("esp_low", "TemperatureSensor", "CurrentTemperature")
    await calibrate(hub, "esp_low/TemperatureSensor/CurrentTemperature", offset=-75)
    await phone.until(cold, lambda shown: shown == -55)
    await device.close()


async def test_a_restart_knows_what_was_measured_and_what_holds(hub, pair):
    device = await sensor(hub)
    await say(hub, device, 50.0)
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    spot = await phone.wait_for("esp_wet", "HumiditySensor", "CurrentRelativeHumidity")
    await calibrate(hub, f"esp_wet/{HUMIDITY}", offset=5)
    # What was measured before is what it is; this holds for what comes.
    now = datetime.now(UTC).isoformat()
    await calibrate(hub, f"esp_wet/{HUMIDITY}", offset=30, since=now)
    assert await phone.read(spot) == 55.0
    await device.close()
    assert await hub.stop() == 0
    await hub.start()
    phone = await phone.again(hub.facts["hap_port"])
    await phone.until(spot, lambda shown: shown == 55.0)
    [one] = await hub.ask("GET", "/devices/esp_wet/series")
    assert (one["value"], one["raw"]) == (55.0, 50.0)
    await device.connect()
    await say(hub, device, 51.0)
    await phone.until(spot, lambda shown: shown == 81.0)
    await device.close()
    await phone.close()


async def test_what_somebody_writes_into_the_database_is_followed_too(hub, pair):
    device = await sensor(hub)
    await say(hub, device, 50.0)
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    spot = await phone.wait_for("esp_wet", "HumiditySensor", "CurrentRelativeHumidity")
    [(series,)] = await rows(
        hub, "SELECT id FROM dormouse.series WHERE characteristic = 'CurrentRelativeHumidity'"
    )
    await rows(
        hub,
        "INSERT INTO dormouse.calibration (series_id, during, offset_by) "
        "VALUES (%s, '(,)', 7) RETURNING id",
        series,
    )
    await phone.until(spot, lambda shown: shown == 57.0)
    await device.close()


async def test_late_readings_are_told_by_what_held_when_they_were_measured(hub):
    device = await sensor(hub)
    await say(hub, device, 50.0)
    since = datetime.now(UTC) - timedelta(minutes=30)
    await calibrate(hub, f"esp_wet/{HUMIDITY}", offset=10, since=since.isoformat())
    heard = []
    async with hub.operator() as client, client.stream("GET", "/live") as stream:
        lines = stream.aiter_lines()
        readings = [[1, 3600, HUMIDITY, 40.0], [2, 60, HUMIDITY, 41.0]]
        batch = {"boot": "0a0b0c0d", "up": 7200, "lost": 0, "readings": readings}
        await device.send("HomeKit/esp_wet/$batch", json.dumps(batch).encode(), tag=2)
        await device.drain()
        async with asyncio.timeout(60):
            async for line in lines:
                if line.startswith("data: ") and '"raw"' in line:
                    data = json.loads(line.removeprefix("data: "))
                    heard.append((data["value"], data["raw"]))
                    if len(heard) == 2:
                        break
    assert heard == [(40.0, 40.0), (51.0, 41.0)]
    await device.close()


@pytest.mark.parametrize(
    ("topic", "value", "said"),
    [
        ("ContactSensor/ContactSensorState", 1, "is a state"),
        ("Switch/On", 1, "is set, not measured"),
        ("Thermostat/TargetTemperature", 21.0, "is set, not measured"),
        ("AccessoryInformation/Name", "Attic", "is a state or a text"),
    ],
)
async def test_what_has_no_scale_is_not_calibrated(hub, topic, value, said):
    device = await sensor(hub)
    await say(hub, device, value if topic != "Switch/On" else True, topic)
    async with hub.operator() as client:
        answer = await client.put("/calibrations", json={"series": f"esp_wet/{topic}", "gain": 2})
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert await rows(hub, "SELECT count(*) FROM dormouse.calibration") == [(0,)]
    await device.close()
