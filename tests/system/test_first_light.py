"""The main job, end to end: MicroPython wakes, publishes, sleeps; the hub shows and keeps it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from tests.support.hub import rows, until


async def test_a_new_sensor_is_readable_in_homekit_and_a_row_in_postgres(hub, make_twin, pair):
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    twin = make_twin(TwinKind.DS18B20, HubAddress.of(hub.facts), interval=60)
    await twin.start()
    began = time.monotonic()
    place = await phone.wait_for(twin.id, "TemperatureSensor", "CurrentTemperature")
    shown = await phone.read(place)
    stored = await until(
        lambda: rows(
            hub,
            """SELECT r.value, r.at FROM dormouse.reading r
               JOIN dormouse.series s ON s.id = r.series_id
               JOIN dormouse.device d ON d.id = s.device_id
               WHERE d.key = %s AND s.characteristic = 'CurrentTemperature'""",
            twin.id,
        )
    )
    assert len(stored) == 1
    value, at = stored[0]
    assert abs(value - shown) <= 0.0501  # HAP's step is 0.1
    assert 0 <= time.time() - at.timestamp() <= time.monotonic() - began + 1


async def test_a_homekit_write_reaches_the_switch_and_its_new_state_comes_back(
    hub, make_twin, pair
):
    twin = make_twin(TwinKind.SWITCH, HubAddress.of(hub.facts))
    await twin.start()
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    place = await phone.wait_for(twin.id, "Switch", "On")
    await phone.until(place, lambda on: on is False)
    await phone.write(place, True)
    await until(lambda: _is(hub, twin.id, True))
    await phone.until(place, lambda on: on is True)
    await phone.write(place, False)
    await until(lambda: _is(hub, twin.id, False))


async def _is(hub, device, wanted):
    return await hub.value(device, "On") is wanted


async def test_identity_and_last_values_are_the_same_after_a_restart(hub, make_twin, pair):
    twin = make_twin(TwinKind.BME280, HubAddress.of(hub.facts), interval=60)
    await twin.start()
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    place = await phone.wait_for(twin.id, "HumiditySensor", "CurrentRelativeHumidity")
    before = _ids(await phone.tree())
    value = await phone.read(place)
    facts = dict(hub.facts)
    assert await hub.stop() == 0
    await twin.power_off()
    await hub.start()
    assert hub.facts["pairing_code"] == facts["pairing_code"]
    assert hub.facts["setup_uri"] == facts["setup_uri"]
    phone = await phone.again()
    assert _ids(await phone.tree()) == before
    assert await phone.read(place) == value
    await phone.close()


def _ids(tree):
    return {
        accessory["aid"]: {
            (service["iid"], service["type"], char["iid"], char["type"])
            for service in accessory["services"]
            for char in service["characteristics"]
        }
        for accessory in tree
    }


async def test_ctrl_c_ends_everything_and_leaves_no_process(hub, make_twin):
    twin = make_twin(TwinKind.DS18B20, HubAddress.of(hub.facts))
    await twin.start()
    await until(lambda: hub.value(twin.id, "CurrentTemperature"))
    children = _descendants(hub.process.pid)
    assert len(children) >= 2  # Postgres and the broker
    assert await hub.stop() == 0
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    assert not (hub.data_dir / "hub.json").exists()


def _descendants(pid: int) -> list[int]:
    """Every process below one, from /proc."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
    found, front = [], [pid]
    while front:
        front = [child for child, parent in parents.items() if parent in front]
        found += front
    return found


async def test_a_second_hub_on_the_same_folder_is_refused_by_name(hub):
    other = type(hub)(hub.data_dir)
    environment = {**os.environ, "DORMOUSE_DATA_DIR": str(hub.data_dir)}
    status, output = await other.command("hub", env=environment)
    assert status == 4
    assert f"pid {hub.process.pid}" in output
    assert output.count("\n") == 1


async def test_status_shows_devices_values_age_and_battery(hub, make_twin):
    twin = make_twin(TwinKind.DS18B20, HubAddress.of(hub.facts), interval=60)
    await twin.start()
    await until(lambda: hub.value(twin.id, "CurrentTemperature"))
    await until(lambda: _battery(hub, twin.id))
    environment = {**os.environ, "DORMOUSE_DATA_DIR": str(hub.data_dir), "COLUMNS": "120"}
    status, output = await hub.command("status", env=environment)
    assert status == 0
    for text in (twin.id, "Temperature", "°C", " V"):
        assert text in output


async def _battery(hub, device):
    (entry,) = [e for e in (await hub.status())["devices"] if e["id"] == device]
    return entry["battery_mv"]
