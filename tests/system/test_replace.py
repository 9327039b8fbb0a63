"""A broken sensor is replaced: one history, one accessory, both facts on record."""

from __future__ import annotations

import os

import pytest

from tests.support.controller import value_in
from tests.support.hub import rows, until
from tests.support.publisher import Publisher, RefusedError

TEMPERATURE = "TemperatureSensor/CurrentTemperature"


async def sensor(hub, name, value):
    """A device that has sent one batch."""
    device = Publisher(name, hub.facts["mqtt_port"], hub.facts["enrol_port"])
    await device.enrol()
    await device.batch(2, TEMPERATURE, lambda _: value)
    await device.drain()
    await device.send(f"HomeKit/{name}/{TEMPERATURE}", str(value).encode(), tag=0)
    await device.drain()
    await until(lambda: heard(hub, name, value))
    return device


async def heard(hub, name, value):
    return await hub.value(name, "CurrentTemperature") == value


async def history(hub):
    """Values by device key, in order."""
    return await rows(
        hub,
        "SELECT d.key, array_agg(r.value ORDER BY r.at, r.value) FROM dormouse.reading r "
        "JOIN dormouse.series s ON s.id = r.series_id JOIN dormouse.device d ON d.id = s.device_id "
        "GROUP BY d.key ORDER BY d.key",
    )


async def test_a_broken_sensor_is_replaced(hub, pair):
    old = await sensor(hub, "esp_old", 20.5)
    await old.send("HomeKit/esp_old/AccessoryInformation/Name", b"Attic", tag=0)
    await old.drain()
    await old.close()
    new = await sensor(hub, "esp_new", 25.5)
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    place = await phone.wait_for("esp_old", "TemperatureSensor", "CurrentTemperature")

    async def dormouse(*words):
        return await hub.command(*words, "--data-dir", str(hub.data_dir), env=dict(os.environ))

    status, said = await dormouse("devices", "replace", "nobody", "esp_new")
    assert status != 0
    assert "there is no device 'nobody'" in said
    status, said = await dormouse("devices", "replace", "esp_old", "esp_new")
    assert status == 0, said
    assert "esp_new has taken the place of esp_old" in said
    assert "esp_old may not connect any more" in said
    with pytest.raises(RefusedError):
        await old.connect()
    status, said = await dormouse("explain", "esp_old")
    assert status == 0, said
    assert said.startswith("esp_old: replaced by esp_new at ")
    await phone.until(place, lambda value: value == 25.5)
    assert len(await phone.tree()) == 2
    assert value_in((await phone.tree())[1], "AccessoryInformation", "Name") == "Attic"

    # What it delivered before is known: sent again it is not stored again.
    new.seq -= 2
    await new.batch(3, TEMPERATURE, lambda _: 26.5)
    await new.drain()
    await until(lambda: heard(hub, "esp_new", 26.5))
    [(key, values), (apart, before)] = await history(hub)
    assert key == "esp_new"
    assert values == [20.5, 20.5, 26.5]
    assert apart.startswith("esp_new-2")
    assert before == [25.5, 25.5]
    assert await rows(hub, "SELECT why FROM dormouse.activity") == [("esp_new replaces esp_old",)]
    await new.close()
