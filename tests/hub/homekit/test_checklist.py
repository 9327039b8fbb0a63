"""Each fault of the checklist is found; a good database has none."""

from __future__ import annotations

import copy
import math

import pytest

from hub.homekit.check import check
from tests.support.controller import is_type


@pytest.fixture
async def good(home):
    """A database of the bridge, a thermometer (aid 2) and a relay (aid 3)."""
    home.say("esp_1/TemperatureSensor/CurrentTemperature", "20.5")
    await home.shown(lambda bridge: bridge.tree.accessory("esp_1"))
    home.say("esp_2/Switch/On", "1")
    await home.shown(lambda bridge: bridge.tree.accessory("esp_2"))
    database = home.bridge.tree.drivers[0].get_accessories()["accessories"]
    assert check(database) == []
    return copy.deepcopy(database)


def part(accessory, type_):
    return next(s for s in accessory["services"] if is_type(s, type_))


def char(service, type_):
    return next(c for c in service["characteristics"] if is_type(c, type_))


def info(database, type_):
    return char(part(database[1], "3E"), type_)


def temperature(database):
    return char(part(database[1], "8A"), "11")


FAULTS = {
    "aid 7": lambda db: db[1].update(aid=7),
    "aid 0": lambda db: db[1].update(aid=0),
    "aid 3 is given twice": lambda db: db[1].update(aid=3),
    "iid 1 is given twice": lambda db: part(db[1], "8A").update(iid=1),
    "iid 0": lambda db: temperature(db).update(iid=0),
    "exactly one AccessoryInformation": lambda db: db[1]["services"].append(part(db[1], "3E")),
    "with iid 1": lambda db: part(db[1], "3E").update(iid=99),
    "lacks Model": lambda db: part(db[1], "3E")["characteristics"].remove(info(db, "21")),
    "Model 'x' is shorter": lambda db: info(db, "21").update(value="x"),
    "SerialNumber 'x' is shorter": lambda db: info(db, "30").update(value="x"),
    "SerialNumber 'esp_2' is another": lambda db: info(db, "30").update(value="esp_2"),
    "Manufacturer is empty": lambda db: info(db, "20").update(value=""),
    "Name '' is no name": lambda db: info(db, "23").update(value=""),
    "is no name that HomeKit": lambda db: info(db, "23").update(value="\N{MOUSE}" * 300),
    "FirmwareRevision 'v1' is not": lambda db: info(db, "52").update(value="v1"),
    "services, at most 100": lambda db: db[1]["services"].extend(
        {**part(db[1], "8A"), "iid": iid, "characteristics": []} for iid in range(100, 200)
    ),
    "no service has type FFFF": lambda db: part(db[1], "8A").update(type="FFFF"),
    "25 does not belong there": lambda db: temperature(db).update(type="25"),
    "FFFF does not belong there": lambda db: temperature(db).update(type="FFFF"),
    "CurrentTemperature is there twice": lambda db: part(db[1], "8A")["characteristics"].append(
        {**temperature(db), "iid": 77}
    ),
    "CurrentTemperature has no value": lambda db: temperature(db).pop("value"),
    "'20' is not float": lambda db: temperature(db).update(value="20"),
    "True is not float": lambda db: temperature(db).update(value=True),
    "nan is not finite": lambda db: temperature(db).update(value=math.nan),
    "inf is not finite": lambda db: temperature(db).update(value=math.inf),
    "1001 is out of range": lambda db: temperature(db).update(value=1001),
    "1 is not bool": lambda db: char(part(db[2], "49"), "25").update(value=1),
    "more than 150 accessories": lambda db: db.extend(
        {**db[1], "aid": aid} for aid in range(1000, 1148)
    ),
}


@pytest.mark.parametrize("reason", FAULTS)
def test_a_fault_is_found_and_told(good, reason):
    FAULTS[reason](good)
    assert any(reason in fault.reason for fault in check(good)), check(good)


async def test_what_fails_is_held_back_and_the_rest_goes_on(home, monkeypatch):
    """A defect of ours, made on purpose: a value that got past the parser."""
    phone = await home.phone()
    home.say("esp_1/TemperatureSensor/CurrentTemperature", "20")
    place = await phone.wait_for("esp_1", "TemperatureSensor", "CurrentTemperature")
    home.say("esp_1/HumiditySensor/CurrentRelativeHumidity", "50")
    await phone.wait_for("esp_1", "HumiditySensor", "CurrentRelativeHumidity")
    model = home.bridge.tree.models["esp_1"]
    for key in model.values:
        if key.service == "HumiditySensor":
            model.values[key] = 5000.0
    monkeypatch.setattr("hub.homekit.accessory.shown", lambda _kind, value: value)
    version = home.quiet.txt("c#")
    home.say("esp_1/TemperatureSensor/StatusFault", "1")  # the accessory grows: built and checked
    await phone.wait_for("esp_1", "TemperatureSensor", "StatusFault")
    assert await phone.find("esp_1", "HumiditySensor", "CurrentRelativeHumidity") is None
    assert await phone.find("esp_1", "TemperatureSensor", "CurrentTemperature") == place
    [held] = home.bridge.unshown()
    assert (held.device, held.part) == ("esp_1", "HumiditySensor.0")
    assert "out of range" in held.reason
    assert home.quiet.txt("c#") != version
    home.check()
