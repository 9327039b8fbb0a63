"""Devices, places, firmware, commands: what they do, and what their history says of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from contracts.reading import Reading
from hub.devices.replacement import replace_device
from hub.devices.service import DeviceService
from hub.homekit.service import HomeKitService
from tests.hub.filled import EVIL, store_of, temperature
from tests.hub.ingest.test_ingest import stored
from tests.support.hub import until
from tests.support.mqtt311 import Client
from tests.support.publisher import Publisher

FUTURE = datetime(2100, 1, 1, tzinfo=UTC)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(full, ann):
    """Places House > Kitchen, House > Cellar; their numbers by name."""

    async def add(name, parent=None):
        answer = await ann.post("/api/places", json={"name": name, "parent": parent})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    house = await add("House")
    return {
        "House": house,
        "Kitchen": await add("Kitchen", house),
        "Cellar": await add("Cellar", house),
    }


async def test_a_device_says_what_it_is_and_what_it_last_said(rob, full):
    one = (await rob.get("/api/devices/h1")).json()
    assert (one["battery_mv"], one["firmware"]) == (2900, "1.0.0")
    assert one["report"]["rssi"] == -60
    assert datetime.fromisoformat(one["next_wake"]) > datetime.fromisoformat(one["seen"])
    [series] = one["series"]
    assert series["series"] == "h1/TemperatureSensor/CurrentTemperature"
    assert (series["unit"], series["writable"]) == ("°C", False)
    other = (await rob.get("/api/devices/h2/series")).json()
    assert [(s["series"], s["value"], s["writable"]) for s in other] == [
        ("h2/AccessoryInformation/Name", EVIL, False),
        ("h2/Switch/On", True, True),
    ]


async def test_devices_are_named_and_placed_and_their_history_tells_who_did_it(ann, rob, house):
    before = datetime.now(UTC)
    change = {"name": "  Fridge ", "place": house["Kitchen"]}
    changed = (await ann.patch("/api/devices/h1", json=change)).json()
    assert (changed["name"], changed["place"]) == ("Fridge", house["Kitchen"])
    between = datetime.now(UTC)
    await ann.patch("/api/devices/h1", json={"place": house["Cellar"]})
    assert (await ann.get("/api/devices/h1")).json()["name"] == "Fridge"
    in_cellar = await rob.get("/api/devices", params={"place": house["Cellar"]})
    assert [d["id"] for d in in_cellar.json()] == ["h1"]

    async def then(instant):
        query = {"instant": instant.isoformat()}
        return (await rob.get("/api/devices/h1/at", params=query)).json()

    assert (await then(before))["name"] is None
    assert (await then(between))["place_path"] == ["House", "Kitchen"]
    assert (await then(datetime.now(UTC)))["place_path"] == ["House", "Cellar"]
    long_ago = {"instant": "2020-01-01T00:00:00Z"}
    answer = await rob.get("/api/devices/h1/at", params=long_ago)
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")

    query = {"since": before.isoformat(), "limit": 10}
    history = (await rob.get("/api/devices/h1/history", params=query)).json()
    assert [(c["property"], c["after"], c["who"]) for c in history] == [
        ("place", house["Cellar"], "ann"),
        ("name", "Fridge", "ann"),
        ("place", house["Kitchen"], "ann"),
    ]
    gone = await ann.patch("/api/devices/h1", json={"name": None, "place": None})
    assert (gone.json()["name"], gone.json()["place"]) == (None, None)


async def test_moves_are_told_by_the_id_that_a_device_had_then(ann, rob, full, house):
    async with store_of(full) as store:
        home, first = store.of("home"), datetime.now(UTC) - timedelta(days=30)
        await stored(store, [Reading(temperature("worn"), 20.0, datetime.now(UTC))])
        await replace_device(home, "worn", "fresh", who="ann")
        by, replaced = await DeviceService(store, HomeKitService(dict)).replaced(
            "home", "worn", FUTURE
        )
        assert by == "fresh"
    day = timedelta(days=1)

    async def told(device, place, since, until=None):
        body = {"place": house[place], "since": since.isoformat()}
        body |= {} if until is None else {"until": until.isoformat()}
        return await ann.patch(f"/api/devices/{device}", json=body)

    answer = await told("worn", "Kitchen", first)
    assert (answer.status_code, answer.json()["id"]) == (200, "fresh")
    assert (await told("worn", "Cellar", first + day, first + 2 * day)).status_code == 200
    stays = [
        ("Kitchen", first, first + day), ("Cellar", first + day, first + 2 * day),
        ("Kitchen", first + 2 * day, None),
    ]  # fmt: skip
    for device, end in (("worn", replaced), ("fresh", None)):
        found = (await rob.get(f"/api/devices/{device}/placements")).json()
        assert [
            (one["place_path"][-1], datetime.fromisoformat(one["since"]),
             one["until"] and datetime.fromisoformat(one["until"])) for one in found
        ] == [*stays[:-1], (*stays[-1][:-1], end)]  # fmt: skip
    for body in (told("worn", "Cellar", replaced), told("worn", "Cellar", datetime.now(UTC))):
        answer = await body
        assert answer.status_code == 404
        assert answer.json()["detail"].startswith("worn was replaced by fresh at ")
    answer = await told("worn", "Cellar", first + 3 * day, datetime.now(UTC))
    assert answer.status_code == 422
    assert "give an `until` that is not after that" in answer.json()["detail"]
    assert (await ann.patch("/api/devices/worn", json={"name": "x"})).status_code == 404
    page = await ann.get("/devices/worn")
    assert (page.status_code, "worn was replaced at" in page.text) == (200, True)
    # It comes back as a device of its own: each has its time.
    async with store_of(full) as store:
        await stored(store, [Reading(temperature("worn"), 20.0, datetime.now(UTC))])
    answer = await told("worn", "House", datetime.now(UTC))
    assert (answer.json()["id"], answer.json()["place"]) == ("worn", house["House"])
    answer = await told("worn", "Cellar", first - day, first)
    assert answer.json()["id"] == "worn"  # before either was there: that which has the id
    answer = await told("worn", "Cellar", replaced - timedelta(microseconds=1), replaced)
    assert answer.json()["id"] == "fresh"
    assert (await rob.get("/api/devices/fresh")).json()["place"] == house["Kitchen"]


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\nb"},
        {"name": "nul\0"},
        {"name": "\ud800"},
        {"place": 0},
        {"place": 2**31},
        {"place": "1; DROP TABLE device"},
        {"nam": "typo"},
        {"name": "half", "place": None, "attributes": {"replacements": []}},
        [],
        "x",
        None,
    ],
)
async def test_a_change_that_makes_no_sense_changes_nothing(ann, full, change):
    before = (await ann.get("/api/devices/h2")).json()
    answer = await ann.patch(
        "/api/devices/h2",
        content=json.dumps(change).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["faults"] or answer.json()["detail"]
    assert (await ann.get("/api/devices/h2")).json() == before


async def test_a_name_may_be_a_script_and_stays_data(ann, full):
    changed = await ann.patch("/api/devices/h2", json={"name": EVIL})
    assert changed.json()["name"] == EVIL
    assert changed.headers["content-type"] == "application/json"
    assert changed.headers["x-content-type-options"] == "nosniff"


async def test_places_are_a_tree_that_can_be_rearranged(ann, rob, house):
    tree = (await rob.get("/api/places")).json()
    [root] = [place for place in tree if place["name"] == "House"]
    assert [child["name"] for child in root["children"]] == ["Cellar", "Kitchen"]
    assert root["children"][0]["children"] is None
    cellar, kitchen = house["Cellar"], house["Kitchen"]
    for body, status, said in (
        ({"parent": cellar}, 409, "below itself"),
        ({"name": "Kitchen"}, 409, ""),
        ({"parent": 10**9}, 404, ""),
        ({"name": None}, 422, "a place has a name"),
    ):
        path = house["House"] if status == 409 and "parent" in body else cellar
        answer = await ann.patch(f"/api/places/{path}", json=body)
        assert answer.status_code == status, (body, answer.text)
        assert said in answer.json()["detail"]
    assert (
        await ann.post("/api/places", json={"name": "Kitchen", "parent": house["House"]})
    ).status_code == 409
    body = {"name": "Pantry", "parent": kitchen}
    assert (await ann.patch(f"/api/places/{cellar}", json=body)).status_code == 200
    tree = (await rob.get("/api/places")).json()
    [root] = [place for place in tree if place["name"] == "House"]
    assert root["children"][0]["children"][0]["name"] == "Pantry"
    await ann.patch(f"/api/places/{cellar}", json={"name": "Cellar", "parent": house["House"]})


async def test_a_place_goes_only_with_what_is_in_it_when_that_is_said(ann, full):
    shed = (await ann.post("/api/places", json={"name": "Shed"})).json()["id"]
    shelf = (await ann.post("/api/places", json={"name": "Shelf", "parent": shed})).json()["id"]
    await ann.patch("/api/devices/h2", json={"place": shelf})
    values = (await ann.get("/api/places", params={"devices": True})).json()
    [place] = [p for p in values if p["name"] == "Shed"]
    assert [d["device"] for d in place["children"][0]["devices"]] == ["h2"]
    usage = (await ann.get(f"/api/places/{shed}/usage")).json()
    assert usage == {"below": 1, "devices": ["h2"], "placements": 1}
    refused = await ann.delete(f"/api/places/{shed}")
    assert refused.status_code == 409
    assert "branch=true" in refused.json()["detail"]
    assert (await ann.delete(f"/api/places/{shed}?branch=true")).status_code == 204
    assert (await ann.get("/api/devices/h2")).json()["place"] is None
    assert (await ann.delete(f"/api/places/{shed}")).status_code == 404
    empty = (await ann.post("/api/places", json={"name": "Empty"})).json()["id"]
    assert (await ann.delete(f"/api/places/{empty}")).status_code == 204


async def test_gaps_in_what_a_device_delivered_are_told(ann, full):
    facts = full.facts
    device = Publisher("gappy", facts["mqtt_port"], facts["enrol_port"])
    await device.enrol()
    try:
        await device.batch(3, "TemperatureSensor/CurrentTemperature", float)
        device.seq += 4
        await device.batch(2, "TemperatureSensor/CurrentTemperature", float)
        await device.drain()

        async def told():
            answer = await ann.get("/api/devices/gappy/gaps")
            found = answer.json() if answer.status_code == 200 else []
            return found if found and found[0]["held"] == 5 else None

        [gaps] = await until(told)
        assert (gaps["last"], gaps["missing"], gaps["unexplained"]) == (9, [[4, 7]], 4)
    finally:
        await device.close()


@pytest_asyncio.fixture(loop_scope="module")
async def lamp(full):
    """A switch that listens: an MQTT client, subscribed to what it is told."""
    facts = full.facts
    account = Publisher("lamp_1", facts["mqtt_port"], facts["enrol_port"])
    await account.enrol()
    await account.close()
    async with await Client.connect(
        "127.0.0.1", facts["mqtt_port"], "lamp_1", "lamp_1", account.password
    ) as client:
        assert client.code == 0
        await client.subscribe("HomeKit/lamp_1/#")
        await client.publish("HomeKit/lamp_1/Switch/On", "0")
        yield client


async def test_a_switch_is_told_what_is_wanted(ann, lamp, make_token, program):
    wish = {"series": "Switch/On", "value": True}
    path = "/api/devices/lamp_1/commands"

    async def accepted():
        answer = await ann.post(path, json=wish)
        return answer if answer.status_code == 202 else None

    answer = await until(accepted)  # as soon as HomeKit has a place for it
    assert answer.json() == {"series": "lamp_1/Switch/On", "value": True, "sent": True}

    async def told():
        return ("HomeKit/lamp_1/Switch/On/set", b"1", False) in lamp.got

    await until(told)
    await lamp.publish("HomeKit/lamp_1/Switch/On", "1")

    async def obeyed():
        [series] = (await ann.get("/api/devices/lamp_1/series")).json()
        return series["value"] is True

    await until(obeyed)
    async with program(await make_token("read", "write")) as client:
        assert (await client.post(path, json=wish)).status_code == 403
    async with program(await make_token("command")) as client:
        assert (await client.post(path, json={**wish, "value": 0})).json()["value"] is False
    for bad, status, said in (
        ({"series": "Switch/On", "value": "perhaps"}, 422, "'perhaps' is not bool"),
        ({"series": "Switch/On", "value": 7}, 422, "On: "),
        ({"series": "Switch/Brightness", "value": 7}, 404, "lamp_1 has no Switch/Brightness"),
        ({"series": "Switch/On"}, 422, "body.value"),
        ({"series": "../On", "value": 1}, 422, "body.series"),
    ):
        answer = await ann.post(path, json=bad)
        assert answer.status_code == status, (bad, answer.text)
        assert said in answer.json()["detail"]
    readable = {"series": "TemperatureSensor/CurrentTemperature", "value": 20}
    answer = await ann.post("/api/devices/h1/commands", json=readable)
    assert answer.status_code == 409
    assert "can only be read" in answer.json()["detail"]


async def test_an_upload_that_is_no_firmware_is_refused_by_what_is_wrong(ann, rob, full):
    kind = {"Content-Type": "application/octet-stream"}
    for body in (b"", b"x", b"\0" * 5000, b"<html>"):
        answer = await ann.post("/api/firmware", content=body, headers=kind)
        assert answer.status_code == 422, answer.text
        assert "\n" not in answer.json()["detail"]
    huge = await ann.post("/api/firmware", content=b"\0" * (5 * 1024 * 1024), headers=kind)
    assert huge.status_code == 413
    assert huge.headers["content-type"] == "application/problem+json"
    assert (await rob.post("/api/firmware", content=b"x", headers=kind)).status_code == 403
    assert (await rob.get("/api/firmware")).json() == []
    assert (await rob.get("/api/firmware/1")).status_code == 404


async def test_paths_that_lead_nowhere_are_problems_too(rob, full):
    for path in (
        "/api",
        "/api/",
        "/api/x",
        "/api/devices/%2e%2e%2fetc",
        "/api/devices/a%00b",
        "/api/devices/" + "x" * 65,
    ):
        answer = await rob.get(path)
        assert answer.status_code in {404, 422}, path
        assert answer.headers["content-type"] == "application/problem+json", path
    answer = await rob.put("/api/devices")
    assert (answer.status_code, answer.json()["status"]) == (405, 405)
