"""One whole hub: settings are requested, taken up and forgotten; silence is explained."""

from __future__ import annotations

import json
import os

from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from tests.support.hub import rows, until
from tests.support.mqtt311 import Client
from tests.support.publisher import Publisher

TEMPERATURE = "TemperatureSensor/CurrentTemperature"
KEY = "never to be seen again"


async def dormouse(hub, *words: str) -> tuple[int, str]:
    return await hub.command(
        *words, "--data-dir", str(hub.data_dir), env={**os.environ, "COLUMNS": "200", "TZ": "UTC"}
    )


async def asked(hub, path: str) -> dict:
    """What the API answers; quicker than a command."""
    return await hub.ask("GET", path)


async def explained(hub, device: str) -> dict:
    return await asked(hub, f"/devices/{device}/explain")


async def device_in(hub, name: str, **report: object) -> Publisher:
    """A sensor that has sent a batch and a report."""
    device = Publisher(name, hub.facts["mqtt_port"], hub.facts["enrol_port"])
    await device.enrol()
    await device.batch(1, TEMPERATURE, lambda _: 20.5)
    await tell(hub, device, **report)
    return device


async def tell(hub, device: Publisher, **report: object) -> None:
    said = {"firmware": "1.0.0", "board": "nodemcu", "next_wake_s": 300, "config": 0} | report
    await device.send(f"HomeKit/{device.device}/$report", json.dumps(said).encode(), tag=0)
    await device.drain()

    async def kept() -> bool:
        found = await rows(hub, "SELECT report FROM dormouse.device_state s JOIN dormouse.device d "
                           "ON d.id = s.device_id WHERE d.key = %s", device.device)  # fmt: skip
        return found == [(said,)]

    await until(kept)


async def set_back(hub, device: str, hours: int) -> None:
    """As if everything of a device had been heard so many hours earlier."""
    earlier = f"- interval '{hours} hours'"
    state = (
        f"UPDATE dormouse.device_state s SET seen_at = seen_at {earlier}, "
        f"report_at = report_at {earlier}, next_wake_at = next_wake_at {earlier} "
        "FROM dormouse.device d WHERE d.id = s.device_id AND d.key = %s RETURNING 1"
    )
    latest = (
        f"UPDATE dormouse.latest l SET at = l.at {earlier} "
        "FROM dormouse.series s, dormouse.device d "
        "WHERE s.id = l.series_id AND d.id = s.device_id AND d.key = %s RETURNING 1"
    )
    assert await rows(hub, state, device)
    assert await rows(hub, latest, device)


async def test_silence_is_explained(hub):
    device = await device_in(hub, "esp8266_cellar", battery_mv=2400, rssi=-85)
    await device.close()
    found = await explained(hub, "esp8266_cellar")
    assert found["headline"]["level"] == "warning"  # it is there, with a battery nearly empty
    status, said = await dormouse(
        hub, "config", "set", "esp8266_cellar", "interval=600", "name=Cellar"
    )
    assert (status, "none of these yet" in said) == (0, True), said
    await set_back(hub, "esp8266_cellar", 2)

    found = await explained(hub, "esp8266_cellar")
    assert found["headline"]["kind"] == "silent"
    text = found["headline"]["text"]
    assert text.startswith("silent since ")
    assert "; battery was low (2.40 V); WiFi was weak (-85 dBm)" in text
    kinds = [sentence["kind"] for sentence in found["chain"]]
    assert {"silent", "config", "heard", "battery", "wifi", "account", "firmware"} <= set(kinds)
    times = [sentence["at"] for sentence in found["chain"]]
    assert times == sorted(times, reverse=True)

    status, said = await dormouse(hub, "explain", "esp8266_cellar")
    assert status == 0
    assert said.startswith("Cellar (esp8266_cellar): silent since ")
    assert "settings version 1 requested; it has not woken since" in said
    status, said = await dormouse(hub, "explain", "--json")
    assert status == 0, said
    [problem] = json.loads(said)
    assert (problem["device"], problem["name"], problem["level"]) == (
        "esp8266_cellar", "Cellar", "bad",
    )  # fmt: skip
    status, said = await dormouse(hub, "explain", "esp8266_celar")
    assert status != 0
    assert "there is no device 'esp8266_celar'; perhaps esp8266_cellar (Cellar)?" in said


async def test_settings_are_wanted_taken_up_and_secrets_forgotten(hub, tmp_path):
    device = await device_in(hub, "esp_1")
    await device.close()
    (tmp_path / "key").write_text(KEY + "\n")
    status, said = await dormouse(
        hub, "config", "set", "esp_1", "interval=60", "--wifi", "beach",
        "--wifi-key-file", str(tmp_path / "key"),
    )  # fmt: skip
    assert status == 0, said
    status, said = await dormouse(hub, "config", "set", "esp_1", "interval=0")
    assert status != 0
    assert "interval: 0 is not from 1 to 2592000 seconds" in said

    async def retained() -> dict:
        async with await Client.connect(
            "127.0.0.1", hub.facts["mqtt_port"], "esp_1", "esp_1", device.password
        ) as client:
            await client.subscribe("HomeKit/esp_1/$config")
            await client.ping()
            return json.loads(client.got[0][1]) if client.got else {}

    wifi = {"ssid": "beach", "key": KEY}
    assert await retained() == {"version": 1, "interval": 60, "wifi": wifi}
    # The broker's own crash loses nothing that is requested.
    await hub.kill()
    for file in (hub.data_dir / "broker").glob("*.db"):
        file.unlink()
    await hub.start()

    async def published() -> bool:
        return await retained() == {"version": 1, "interval": 60, "wifi": wifi}

    await until(published, 20)
    again = Publisher("esp_1", hub.facts["mqtt_port"], hub.facts["enrol_port"])
    again.password = device.password
    await again.connect()
    await tell(hub, again, config=1)

    async def scrubbed() -> bool:
        return await retained() == {"version": 1, "interval": 60}

    await until(scrubbed)
    status, said = await dormouse(hub, "config", "show", "esp_1")
    assert status == 0
    assert "beach (key ***)" in said
    assert "the device runs it" in said
    assert KEY not in str(await rows(hub, "SELECT c::text FROM dormouse.device_config c"))
    assert KEY not in hub.log.read_text()
    found = await explained(hub, "esp_1")
    assert found["headline"]["level"] == "fine", found
    assert any("took up settings version 1" in s["text"] for s in found["chain"])
    await again.close()


async def test_the_hubs_own_absence_is_not_the_devices_fault(hub):
    device = await device_in(hub, "esp_1")
    await device.close()
    await hub.stop()
    # As if the hub had been stopped for the two hours in which the device was due.
    await hub.start()
    await set_back(hub, "esp_1", 2)
    assert (await explained(hub, "esp_1"))["headline"]["kind"] == "silent"
    await rows(
        hub,
        "UPDATE dormouse.key_value SET key = (key::timestamptz - interval '3 hours')::text "
        "WHERE area = 'hub-outages' RETURNING 1",
    )
    await hub.stop()
    await hub.start()
    found = await explained(hub, "esp_1")
    assert found["headline"]["kind"] == "hub", found
    assert "because the hub was away when it was due" in found["headline"]["text"]


async def test_a_real_device_takes_settings_up_and_leaves_a_network_that_fails(
    hub, make_twin, tmp_path
):
    twin = make_twin(
        TwinKind.DS18B20, HubAddress.of(hub.facts), interval=1, settings={"deadline_ms": 2000}
    )
    await twin.start()
    await until(lambda: _listed(hub, twin.id))
    status, said = await dormouse(hub, "config", "set", twin.id, "interval=2", "name=Keller")
    assert status == 0, said
    found = await until(lambda: _taken_up(hub, twin.id, 1), 30)
    assert found["problem"] is None
    assert json.loads((twin.folder / "flash/settings.json").read_text())["interval"] == 2

    (tmp_path / "key").write_text(KEY)
    status, said = await dormouse(
        hub, "config", "set", twin.id, "--wifi", "upstairs",
        "--wifi-key-file", str(tmp_path / "key"),
    )  # fmt: skip
    assert status == 0, said
    found = await until(lambda: _taken_up(hub, twin.id, 2), 60)
    assert found["problem"] == "wifi upstairs: the hub was not reached over it"
    assert KEY not in str(await rows(hub, "SELECT c::text FROM dormouse.device_config c"))
    kinds = {s["kind"]: s["text"] for s in (await explained(hub, twin.id))["chain"]}
    assert kinds["config"] == (
        "took up settings version 2, but said: wifi upstairs: the hub was not reached over it"
    )
    status, said = await dormouse(hub, "explain", twin.id)
    assert said.startswith(f"Keller ({twin.id}): ")


async def _listed(hub, device: str) -> bool:
    return device in str(await hub.status())


async def _taken_up(hub, device: str, version: int) -> dict | None:
    found = await asked(hub, f"/devices/{device}/settings")
    return found if found["reported"] == version and found["reported_at"] else None
