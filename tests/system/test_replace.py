"""A broken sensor is replaced: one history, one accessory, both facts on record."""

from __future__ import annotations

import os
from datetime import UTC, datetime

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
    assert "calibration" not in said
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


SERIES = TEMPERATURE


async def calibrate(hub, device, **how):
    await hub.ask("PUT", "/calibrations", json={"series": f"{device}/{SERIES}", **how})


async def readings(hub, device, **query):
    """[(value, raw)] of a device."""
    query = {"series": f"{device}/{SERIES}", "resolution": "raw", **query}
    answer = await hub.ask("GET", "/readings", params=query)
    return [tuple(point[1:]) for point in answer["series"][0]["points"]]


async def placed(hub, device, *path):
    return (await hub.ask("PUT", f"/devices/{device}/place", json={"path": path}))["place"]


async def then(hub, device, instant):
    """The status and the body of a device as of an instant."""
    async with hub.operator() as client:
        query = {"instant": instant.isoformat()}
        answer = await client.get(f"/devices/{device}/at", params=query)
    return answer.status_code, answer.json()


async def test_a_calibration_ends_with_its_chip_and_either_id_answers_for_its_time(hub, pair):
    old = await sensor(hub, "esp_old", 20.0)
    new = await sensor(hub, "esp_new", 25.0)
    await calibrate(hub, "esp_old", offset=2)
    await calibrate(hub, "esp_new", gain=1.5)
    attic = await placed(hub, "esp_old", "House", "Attic")
    bench = await placed(hub, "esp_new", "Workshop", "Bench")
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    spot = await phone.wait_for("esp_old", "TemperatureSensor", "CurrentTemperature")
    assert await phone.read(spot) == 22.0
    before = datetime.now(UTC)
    status, said = await hub.command(
        "devices", "replace", "esp_old", "esp_new", "--data-dir", str(hub.data_dir),
        env=dict(os.environ),
    )  # fmt: skip
    assert status == 0, said
    assert f"the calibration of esp_old ended with it: {SERIES}" in said
    after = datetime.now(UTC)
    # The new chip's own calibration goes on, the old one's readings stay what they were.
    await phone.until(spot, lambda value: value == 37.5)
    await new.send(f"HomeKit/esp_new/{SERIES}", b"26.0", tag=5)
    await new.batch(1, SERIES, lambda _: 26.0)
    await new.drain()
    await phone.until(spot, lambda value: value == 39.0)
    await until(lambda: heard(hub, "esp_new", 39.0))
    assert await readings(hub, "esp_new") == [(22.0, 20.0), (22.0, 20.0), (39.0, 26.0)]

    # Either id answers for its time.
    code, was = await then(hub, "esp_old", before)
    assert (code, was["place_path"], was["id_now"]) == (200, ["House", "Attic"], "esp_new")
    assert [c["offset"] for c in was["calibration"]] == [2]
    code, was = await then(hub, "esp_new", before)
    assert (code, was["place_path"]) == (200, ["Workshop", "Bench"])
    assert was["id_now"].startswith("esp_new-2")
    code, now = await then(hub, "esp_new", after)
    assert (code, now["place_path"], now["id_now"]) == (200, ["House", "Attic"], "esp_new")
    code, gone = await then(hub, "esp_old", after)
    assert code == 404
    assert "esp_old was replaced by esp_new at" in gone["detail"]
    assert await readings(hub, "esp_new", as_of=before.isoformat()) == [(37.5, 25.0)] * 2
    assert (await readings(hub, "esp_old", as_of=before.isoformat()))[:2] == [(22.0, 20.0)] * 2

    # The history says that, when and by whom, under either id.
    for device in ("esp_old", "esp_new"):
        history = await hub.ask("GET", f"/devices/{device}/history")
        [change] = [c for c in history if c["property"] == "id"]
        assert (change["before"], change["after"]) == ("esp_old", "esp_new")
        assert (change["who"], change["why"]) == (
            "dormouse devices replace", "esp_new replaces esp_old",
        )  # fmt: skip
        assert before <= datetime.fromisoformat(change["at"]) <= after
    # What was measured where: the room has both chips, the bench only what was measured there.
    in_attic = await hub.ask("GET", "/readings", params={"place": attic, "resolution": "raw"})
    assert [[p[2] for p in one["points"]] for one in in_attic["series"]] == [[26.0]]
    assert (await hub.ask("GET", f"/places/{bench}/usage"))["devices"] == []
    await old.close()
    await new.close()


async def test_a_calibration_goes_on_where_that_is_said(hub):
    old = await sensor(hub, "esp_old", 20.0)
    new = await sensor(hub, "esp_new", 25.0)
    await calibrate(hub, "esp_old", offset=2)
    body = {"new": "esp_new", "keep_calibration": True}
    done = await hub.ask("POST", "/devices/esp_old/replacement", json=body)
    assert done["ended"] == []
    await new.batch(1, SERIES, lambda _: 26.0)
    await new.drain()
    await until(lambda: heard(hub, "esp_new", 28.0))
    # And a third chip: each id has had its time.
    third = await sensor(hub, "esp_third", 30.0)
    before = datetime.now(UTC)
    await hub.ask("POST", "/devices/esp_new/replacement", json={"new": "esp_third"})
    code, was = await then(hub, "esp_new", before)
    assert (code, was["id_now"]) == (200, "esp_third")
    code, gone = await then(hub, "esp_old", before)
    assert "esp_old was replaced by esp_new" in gone["detail"]
    history = await hub.ask("GET", "/devices/esp_third/history")
    chain = [(c["before"], c["after"]) for c in history if c["property"] == "id"]
    assert chain == [("esp_new", "esp_third"), ("esp_old", "esp_new")]
    for device in (old, new, third):
        await device.close()
