"""Devices that Zigbee2MQTT calls otherwise: the same accessory, commanded under the new name.

The order of messages is that of Zigbee2MQTT: the old name's availability is emptied and the new
one's said, then the list, then the state; a hub that was away gets the list first.
"""

from __future__ import annotations

import pytest

from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said, sent, values

BASE = "zigbee2mqtt"


@pytest.fixture
def z2m():
    return Translator(Mapping(presets=("zigbee2mqtt",)))


def listing(**names):
    """The list of devices: names by the number of their address."""
    return [{"definition": None, "friendly_name": "Coordinator", "ieee_address": "0x0",
             "type": "Coordinator"}, *(
        {"friendly_name": name, "ieee_address": f"0x00158d000000000{number[1:]}",
         "type": "Router", "definition": {"model": "E1743", "vendor": "IKEA", "exposes": [
             {"type": "light", "features": [
                 {"type": "binary", "property": "state", "access": 7, "value_on": "ON",
                  "value_off": "OFF"},
                 {"type": "numeric", "property": "brightness", "access": 7, "value_min": 0,
                  "value_max": 254}]}]}}
        for number, name in names.items()
    )]  # fmt: skip


LIT = {"state": "ON", "brightness": 254}


def heard(z2m, *names):
    for name in names:
        said(z2m, f"{BASE}/{name}", LIT)


def told(z2m, message):
    return said(z2m, f"{BASE}/bridge/devices", message)


def test_the_same_device_under_another_name(z2m):
    told(z2m, listing(n1="Hall/Lamp"))
    heard(z2m, "Hall/Lamp")
    assert said(z2m, f"{BASE}/Hall/Lamp/availability", "") == [], "the list will say"
    said(z2m, f"{BASE}/Kitchen Lamp/availability", {"state": "online"})
    found = told(z2m, listing(n1="Kitchen Lamp"))
    assert ("Hall_Lamp", "leaves") not in found
    assert ("Hall_Lamp", True) in found, "its presence was said under the new name"
    assert dict(found)["Hall_Lamp/AccessoryInformation/Name"] == "Kitchen Lamp"
    assert dict(said(z2m, f"{BASE}/Kitchen Lamp", {"state": "OFF"})) == {
        "Hall_Lamp/Lightbulb/On": "0"
    }
    assert sent(z2m, "Hall_Lamp/Lightbulb/Brightness", "50") == (
        f"{BASE}/Kitchen Lamp/set",
        {"brightness": 127},
    )
    assert said(z2m, f"{BASE}/Kitchen Lamp/availability", "offline") == [("Hall_Lamp", False)]
    # And once more, back to what its id says.
    told(z2m, listing(n1="Hall_Lamp"))
    assert sent(z2m, "Hall_Lamp/Lightbulb/On", "1")[0] == f"{BASE}/Hall_Lamp/set"


def test_a_state_that_comes_before_the_list(z2m):
    told(z2m, listing(n1="lamp"))
    heard(z2m, "lamp")
    heard(z2m, "desk")
    found = told(z2m, listing(n1="desk"))
    assert ("desk", "leaves") in found, "it was taken for another device"
    assert dict(said(z2m, f"{BASE}/desk", {"state": "OFF"})) == {"lamp/Lightbulb/On": "0"}


def test_two_that_exchange_their_names(z2m):
    told(z2m, listing(n1="left", n2="right"))
    heard(z2m, "left", "right")
    found = told(z2m, listing(n1="right", n2="left"))
    assert not [what for what in found if what[1] == "leaves"]
    assert sent(z2m, "left/Lightbulb/On", "1")[0] == f"{BASE}/right/set"
    assert sent(z2m, "right/Lightbulb/On", "1")[0] == f"{BASE}/left/set"
    assert dict(said(z2m, f"{BASE}/left", {"state": "OFF"})) == {"right/Lightbulb/On": "0"}


def test_a_new_device_by_the_name_of_one_that_is_called_otherwise(z2m):
    told(z2m, listing(n1="lamp"))
    heard(z2m, "lamp")
    told(z2m, listing(n1="old lamp", n2="lamp"))
    found = dict(said(z2m, f"{BASE}/lamp", {"state": "OFF"}))
    assert found["lamp_2/Switch/On"] == "0"
    assert sent(z2m, "lamp/Lightbulb/On", "1")[0] == f"{BASE}/old lamp/set"


def test_a_new_device_in_the_place_of_one_that_is_gone(z2m):
    """A broken lamp is replaced under its name: that is what its name is for."""
    told(z2m, listing(n1="lamp"))
    heard(z2m, "lamp")
    told(z2m, listing(n2="lamp"))
    assert dict(said(z2m, f"{BASE}/lamp", {"state": "OFF"})) == {"lamp/Lightbulb/On": "0"}
    told(z2m, listing(n2="desk"))
    assert sent(z2m, "lamp/Lightbulb/On", "1")[0] == f"{BASE}/desk/set"


@pytest.mark.parametrize("emptied", ["/availability", ""])
def test_a_device_that_is_removed_leaves_with_the_list(z2m, emptied):
    told(z2m, listing(n1="lamp", n2="desk"))
    heard(z2m, "lamp", "desk")
    assert said(z2m, f"{BASE}/lamp{emptied}", "") == []
    found = told(z2m, listing(n2="desk"))
    assert [one for one in found if one[1] == "leaves"] == [("lamp", "leaves")]


def test_a_list_that_is_there_already(z2m):
    told(z2m, listing(n1="lamp"))
    heard(z2m, "lamp")
    told(z2m, listing())
    assert said(z2m, f"{BASE}/lamp/availability", "") == [("lamp", "leaves")]


def test_a_rename_while_the_hub_was_away(z2m):
    told(z2m, listing(n1="lamp"))
    heard(z2m, "lamp")
    again = Translator(Mapping(presets=("zigbee2mqtt",)))
    again.parts.load({"lamp": z2m.parts.record("lamp")})
    told(again, listing(n1="desk"))
    assert dict(said(again, f"{BASE}/desk", {"state": "OFF"})) == {"lamp/Lightbulb/On": "0"}
    assert sent(again, "lamp/Lightbulb/On", "1")[0] == f"{BASE}/desk/set"


def test_a_name_of_another_tenants_device_is_not_taken():
    rules = {"gateways": {"a": {"speaks": ["zigbee2mqtt"]}}}
    z2m = Translator(Mapping.model_validate(rules), speaks_for=lambda _, device: device != "theirs")
    told(z2m, listing(n1="lamp"))
    heard(z2m, "lamp")
    z2m.parts.device_of("theirs")
    assert ("theirs", "leaves") not in told(z2m, listing(n1="theirs"))
    assert sent(z2m, "lamp/Lightbulb/On", "1")[0] == f"{BASE}/lamp/set"


# --- what can only be read --------------------------------------------------------------------


def test_access_says_what_can_be_set(z2m):
    """Bit 1 of access (zigbee2mqtt.io, "Exposes"): published 1, set 2, get 4."""
    message = listing(n1="lamp")
    [light] = message[1]["definition"]["exposes"]
    light["features"][1]["access"] = 0b101
    told(z2m, message)
    heard(z2m, "lamp")
    assert values(z2m, f"{BASE}/lamp", LIT)["Lightbulb/Brightness"] == "100"
    with pytest.raises(Exception, match="only reports: lamp says so itself"):
        sent(z2m, "lamp/Lightbulb/Brightness", "50")
    assert sent(z2m, "lamp/Lightbulb/On", "0")[1] == {"state": "OFF"}
