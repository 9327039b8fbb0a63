"""What devices say of their own properties: Homie's attributes, Zigbee2MQTT's exposes.

Expected values from homieiot.github.io (4.0.0, 5.x: "Payloads", "Formats") and zigbee2mqtt.io.
"""

from __future__ import annotations

import json

import pytest

from contracts.reading import SeriesKey
from hub.mapping.paths import MappingError
from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said, sent, values


@pytest.fixture
def homie():
    return Translator(Mapping(presets=("homie",)))


@pytest.fixture
def z2m():
    return Translator(Mapping(presets=("zigbee2mqtt",)))


def describe(homie, version, property_, **attributes):
    """What a device says of lamp/<property> on the way of each version."""
    if version == 4:
        for name, text in attributes.items():
            said(homie, f"homie/box/lamp/{property_}/${name}", text)
        return "homie/box/lamp"
    document = {"homie": "5.0", "version": 1, "nodes": {"lamp": {"properties": {
        property_: {"datatype": "float", **attributes}}}}}  # fmt: skip
    said(homie, "homie/5/box/$description", document)
    return "homie/5/box/lamp"


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize(
    ("attributes", "raw", "shown", "written", "told"),
    [
        ({"datatype": "integer", "format": "0:100"}, "40", "40", "55", "55"),
        ({"datatype": "integer", "format": "0:100", "unit": "%"}, "40", "40", "55", "55"),
        ({"datatype": "integer", "format": "0:255"}, "128", "50", "50", "128"),
        ({"datatype": "integer", "format": "0:255"}, "1", "1", "1", "3"),
        ({"datatype": "integer", "format": "0:254"}, "254", "100", "100", "254"),
        ({"datatype": "integer", "format": "1:1023"}, "512", "50", "25", "256"),
        ({"datatype": "float", "format": "0:1"}, "0.4", "40", "55", "0.55"),
        ({"datatype": "float", "format": "0.0:1.0:0.01"}, "0.4", "40", "55", "0.55"),
        ({"datatype": "integer", "format": "0:10"}, "7", "70", "30", "3"),
        ({"datatype": "float", "unit": "fraction"}, "0.4", "40", "55", "0.55"),
        # A range of percents is no scale.
        ({"datatype": "integer", "format": "20:80", "unit": "%"}, "40", "40", "55", "55"),
        ({"datatype": "integer", "format": ":"}, "40", "40", "55", "55"),
        ({"datatype": "integer", "format": "nonsense"}, "40", "40", "55", "55"),
        # Ends that no number divides by, and what takes long to be found no range.
        ({"datatype": "float", "format": "0:1e400"}, "40", "40", "55", "55"),
        ({"datatype": "float", "format": "0:1e-320"}, "40", "40", "55", "55"),
        ({"datatype": "float", "format": "0:1e-3:1e999"}, "40", "40", "55", "55"),
        ({"datatype": "float", "format": "1" * 15_000}, "40", "40", "55", "55"),
        ({"datatype": "float", "format": ("1" * 5_000 + ":") * 3}, "40", "40", "55", "55"),
        ({"datatype": "float", "format": "0" + " " * 15_000 + ":1"}, "40", "40", "55", "55"),
    ],
)
def test_a_level_in_a_devices_own_range(homie, version, attributes, raw, shown, written, told):
    root = describe(homie, version, "brightness", **attributes)
    assert values(homie, f"{root}/brightness", raw)["Lightbulb/Brightness"] == shown
    assert sent(homie, "box/Lightbulb/Brightness", written) == (f"{root}/brightness/set", told)


def test_a_range_that_is_said_after_the_value(homie):
    assert values(homie, "homie/box/lamp/brightness", "255") == {"Lightbulb/Brightness": "255"}
    assert values(homie, "homie/box/lamp/brightness/$format", "0:255") == {
        "Lightbulb/Brightness": "100"
    }
    assert values(homie, "homie/box/lamp/brightness/$format", "0:255") == {}


def test_a_covers_target_is_in_its_positions_range(homie):
    said(homie, "homie/box/blind/position/$format", "0:255")
    assert values(homie, "homie/box/blind/position", "51") == {
        "WindowCovering/CurrentPosition": "20"
    }
    assert sent(homie, "box/WindowCovering/TargetPosition", "40") == (
        "homie/box/blind/position/set",
        "102",
    )


def test_a_target_that_homie_5_names(homie):
    """Homie 5, "Target attribute": said first, then the position moves there."""
    root = "homie/5/box/blind/position"
    position = {"datatype": "integer", "format": "0:255", "settable": True}
    document = {"homie": "5.0", "version": 1, "nodes": {"blind": {"properties": {
        "position": position}}}}  # fmt: skip
    said(homie, "homie/5/box/$description", document)
    assert values(homie, root, "0") == {"WindowCovering/CurrentPosition": "0"}
    assert values(homie, f"{root}/$target", "255") == {"WindowCovering/TargetPosition": "100"}
    assert values(homie, root, "51") == {"WindowCovering/CurrentPosition": "20"}
    assert sent(homie, "box/WindowCovering/TargetPosition", "40") == (f"{root}/set", "102")


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize(
    ("words", "on", "off"),
    [("ON,OFF", "ON", "OFF"), ("off,on", "on", "off"), ("closed,open", "open", "closed")],
)
def test_an_enum_is_told_in_its_own_words(homie, version, words, on, off):
    root = describe(homie, version, "state", datatype="enum", format=words)
    assert values(homie, f"{root}/state", on)["Switch/On"] == "1"
    assert values(homie, f"{root}/state", off) == {"Switch/On": "0"}
    assert sent(homie, "box/Switch/On", "1") == (f"{root}/state/set", on)
    assert sent(homie, "box/Switch/On", "0") == (f"{root}/state/set", off)


@pytest.mark.parametrize(
    ("labels", "true"),
    [
        ("open,closed", "0"), ("closed,open", "1"), ("CLOSE,OPEN", "1"), (None, "0"),
        ("nay,aye", "0"),
    ],
)  # fmt: skip
def test_what_true_means_for_a_contact(homie, labels, true):
    """Homie 5: of a boolean the format labels false and true; the payloads stay these words."""
    about = {} if labels is None else {"format": labels}
    root = describe(homie, 5, "contact", datatype="boolean", **about)
    contact = "ContactSensor/ContactSensorState"
    assert values(homie, f"{root}/contact", "true")[contact] == true
    assert values(homie, f"{root}/contact", "false")[contact] == str(1 - int(true))


@pytest.mark.parametrize(
    ("version", "format_", "raw", "told"),
    [
        (4, "rgb", "255,0,0", "0,255,0"),
        (4, "hsv", "0,100,50", "120,100,100"),
        (5, "rgb", "rgb,255,0,0", "rgb,0,255,0"),
        (5, "hsv,rgb", "hsv,0,100,50", "hsv,120,100,100"),
        (5, "rgb,hsv", "hsv,0,100,50", "rgb,0,255,0"),
        (5, "xyz", "xyz,0.64,0.33", "xyz,0.3000,0.6000"),
    ],
)
def test_colours_as_their_format_says(homie, version, format_, raw, told):
    """Red, then green: the primaries of sRGB (IEC 61966-2-1) are x 0.64 y 0.33, x 0.30 y 0.60."""
    root = describe(homie, version, "color", datatype="color", format=format_)
    found = values(homie, f"{root}/color", raw)
    assert float(found["Lightbulb/Hue"]) % 360 == pytest.approx(0, abs=1)
    assert float(found["Lightbulb/Saturation"]) == pytest.approx(100, abs=1)
    sent(homie, "box/Lightbulb/Saturation", "100.0")
    assert sent(homie, "box/Lightbulb/Hue", "120.0") == (f"{root}/color/set", told)


def test_a_colour_keeps_its_brightness(homie):
    said(homie, "homie/box/lamp/color/$format", "rgb")
    said(homie, "homie/box/lamp/brightness", "50")
    said(homie, "homie/box/lamp/color", "128,0,0")
    assert sent(homie, "box/Lightbulb/Hue", "240.0")[1] == "0,0,128"


def test_a_colour_temperature_in_kelvin_by_its_range(homie):
    said(homie, "homie/box/lamp/color-temperature/$format", "2000:6500")
    assert values(homie, "homie/box/lamp/color-temperature", "4000") == {
        "Lightbulb/ColorTemperature": "250"
    }
    assert sent(homie, "box/Lightbulb/ColorTemperature", "200")[1] == "5000"


def test_a_unit_of_something_else_is_refused(homie):
    said(homie, "homie/box/air/temperature/$unit", "%")
    assert said(homie, "homie/box/air/temperature", "20") == [("mapping", "box")]


@pytest.mark.parametrize(
    ("version", "property_", "raw", "series"),
    [
        (4, "on", "true", "Switch/On"),
        (5, "on", "true", "Switch/On"),
        (4, "brightness", "40", "Lightbulb/Brightness"),
        (5, "brightness", "40", "Lightbulb/Brightness"),
        (4, "color", "0,100,50", "Lightbulb/Hue"),
        (5, "color", "hsv,0,100,50", "Lightbulb/Saturation"),
        (4, "position", "40", "WindowCovering/TargetPosition"),
        (5, "position", "40", "WindowCovering/TargetPosition"),
    ],
)
@pytest.mark.parametrize("settable", [True, False])
def test_what_is_not_settable_is_not_commanded(homie, version, property_, raw, series, settable):
    """Homie 3 and 4: "$settable" true or false; 5: a boolean in the description."""
    word = settable if version == 5 else str(settable).lower()
    root = describe(homie, version, property_, settable=word)
    said(homie, f"{root}/{property_}", raw)
    service, characteristic = series.split("/")
    assert homie.kind(SeriesKey("box", service, 0, characteristic)).writable is settable
    if settable:
        assert sent(homie, f"box/{series}", "1")[0] == f"{root}/{property_}/set"
    else:
        with pytest.raises(MappingError, match="only reports: box says so itself"):
            sent(homie, f"box/{series}", "1")


@pytest.mark.parametrize("word", ["FALSE", "no", "0", " false "])
def test_words_for_what_cannot_be_set(homie, word):
    said(homie, "homie/box/lamp/on/$settable", word)
    said(homie, "homie/box/lamp/on", "true")
    assert not homie.kind(SeriesKey("box", "Switch", 0, "On")).writable


def test_settable_that_is_said_later_and_taken_back(homie):
    said(homie, "homie/box/lamp/on", "true")
    assert sent(homie, "box/Switch/On", "0")[0] == "homie/box/lamp/on/set"
    assert values(homie, "homie/box/lamp/on/$settable", "false") == {"Switch/On": "1"}
    with pytest.raises(MappingError):
        sent(homie, "box/Switch/On", "0")
    said(homie, "homie/box/lamp/on/$settable", "")
    assert sent(homie, "box/Switch/On", "0")[0] == "homie/box/lamp/on/set"


# --- Zigbee2MQTT ------------------------------------------------------------------------------


def feature(type_, property_, **more):
    return {"access": 7, "name": property_, "property": property_, "type": type_, **more}


def binary(property_, on, off, **more):
    return feature("binary", property_, value_on=on, value_off=off, **more)


def devices(*listed):
    coordinator = {"definition": None, "friendly_name": "Coordinator", "type": "Coordinator"}
    return [coordinator, *(
        {"friendly_name": name, "ieee_address": f"0x{n:016x}", "interview_completed": True,
         "supported": True, "type": "Router", "software_build_id": "1.76.10",
         "definition": {"model": "LWA012", "vendor": "Philips", "exposes": exposes}}
        for n, (name, exposes) in enumerate(listed)
    )]  # fmt: skip


LAMP = {"type": "light", "features": [
    binary("state", "ON", "OFF", value_toggle="TOGGLE"),
    feature("numeric", "brightness", value_min=0, value_max=1000),
    feature("numeric", "color_temp", unit="mired", value_min=153, value_max=454),
]}  # fmt: skip


@pytest.mark.parametrize("list_first", [True, False])
def test_exposes_say_units_ranges_and_words(z2m, list_first):
    sensor = [
        feature("numeric", "pressure", unit="kPa"),
        feature("numeric", "temperature", unit="°F"),
        binary("contact", False, True),
        feature("numeric", "linkquality", unit="lqi", value_min=0, value_max=255),
    ]
    valve = [{"type": "switch", "features": [binary("state", "OPEN", "CLOSE")]}]
    message = devices(("Hall/Lamp", [LAMP]), ("Cellar", sensor), ("Valve", valve))
    heard = {
        "Hall/Lamp": {"state": "ON", "brightness": 500},
        "Cellar": {"pressure": 101.3, "temperature": 68, "contact": False, "linkquality": 90},
        "Valve": {"state": "OPEN"},
    }
    if list_first:
        said(z2m, "zigbee2mqtt/bridge/devices", message)
    found = {}
    for name, payload in heard.items():
        found |= dict(said(z2m, f"zigbee2mqtt/{name}", payload))
    if not list_first:
        found |= dict(said(z2m, "zigbee2mqtt/bridge/devices", message))
    for series, value in {
        "Hall_Lamp/Lightbulb/Brightness": "50",
        "Cellar/AirPressureSensor/AirPressure": "1013",
        "Cellar/TemperatureSensor/CurrentTemperature": "20",
        "Cellar/ContactSensor/ContactSensorState": "1",
        "Valve/Switch/On": "1",
    }.items():
        assert found[series] == value
    assert sent(z2m, "Hall_Lamp/Lightbulb/Brightness", "10") == (
        "zigbee2mqtt/Hall/Lamp/set",
        {"brightness": 100},
    )
    assert sent(z2m, "Valve/Switch/On", "0")[1] == {"state": "CLOSE"}
    # Who has been heard is known by what it is; the list alone makes no device.
    told = dict(said(z2m, "zigbee2mqtt/bridge/devices", message))
    assert told == {} or told["Cellar/AccessoryInformation/Model"] == "LWA012"


def test_covers_and_locks_are_no_switches(z2m):
    cover = {"type": "cover", "features": [
        feature("enum", "state", values=["OPEN", "CLOSE", "STOP"]),
        feature("numeric", "position", value_min=0, value_max=100)]}  # fmt: skip
    lock = {"type": "lock", "features": [binary("state", "LOCK", "UNLOCK")]}
    said(z2m, "zigbee2mqtt/bridge/devices", devices(("Blind", [cover]), ("Door", [lock])))
    assert values(z2m, "zigbee2mqtt/Blind", {"state": "OPEN", "position": 40}) == {
        "WindowCovering/CurrentPosition": "40"
    }
    assert values(z2m, "zigbee2mqtt/Door", {"state": "LOCK"}) == {
        "LockMechanism/LockCurrentState": "1",
        "LockMechanism/LockTargetState": "1",
    }
    assert sent(z2m, "Door/LockMechanism/LockTargetState", "0")[1] == {"state": "UNLOCK"}


@pytest.mark.parametrize(
    ("modes", "offered"),
    [
        (["off", "heat"], (0, 1)), (["off", "auto", "heat"], (0, 1, 3)),
        (["off", "heat", "cool", "auto", "dry", "fan_only"], (0, 1, 2, 3)),
    ],
)  # fmt: skip
def test_a_thermostat_offers_the_modes_that_it_has(z2m, modes, offered):
    trv = {"type": "climate", "features": [feature("enum", "system_mode", values=modes)]}
    said(z2m, "zigbee2mqtt/bridge/devices", devices(("TRV", [trv])))
    said(z2m, "zigbee2mqtt/TRV", {"system_mode": "heat", "local_temperature": 20})
    target = SeriesKey("TRV", "Thermostat", 0, "TargetHeatingCoolingState")
    assert z2m.kind(target).valid == offered
    assert sent(z2m, "TRV/Thermostat/TargetHeatingCoolingState", "1")[1] == {"system_mode": "heat"}


def test_the_list_makes_nobody_appear(z2m):
    message = devices(("Quiet", [LAMP]))
    assert said(z2m, "zigbee2mqtt/bridge/devices", message) == []
    said(z2m, "zigbee2mqtt/Quiet", {"state": "ON", "brightness": 1000})
    message[1]["definition"]["model"] = "LWA013"
    told = dict(said(z2m, "zigbee2mqtt/bridge/devices", message))
    assert told["Quiet/AccessoryInformation/Model"] == "LWA013"
    assert told["Quiet/AccessoryInformation/Manufacturer"] == "Philips"
    assert told["Quiet/AccessoryInformation/FirmwareRevision"] == "1.76.10"


def test_a_list_that_comes_later_presses_no_button(z2m):
    remote = [feature("enum", "action", values=["single", "double"]),
              feature("numeric", "battery", unit="%")]  # fmt: skip
    said(z2m, "zigbee2mqtt/Remote", {"action": "single", "battery": 80})
    found = dict(said(z2m, "zigbee2mqtt/bridge/devices", devices(("Remote", remote))))
    assert found["Remote/BatteryService/BatteryLevel"] == "80"
    assert not [name for name in found if "ProgrammableSwitch" in name]


def test_the_list_of_a_large_network(z2m):
    """Far beyond what a device may say, as it is with a hundred devices."""
    filler = [feature("enum", f"effect_{n}", values=["blink", "breathe"]) for n in range(60)]
    message = devices(*((f"Lamp {n}", [LAMP, *filler]) for n in range(100)))
    assert len(json.dumps(message)) > 500_000
    assert said(z2m, "zigbee2mqtt/bridge/devices", message) == []
    assert values(z2m, "zigbee2mqtt/Lamp 99", {"brightness": 1000})["Lightbulb/Brightness"] == "100"


def test_a_device_that_exposes_a_great_deal(z2m):
    modes = [f"mode number {n} of the notification ring" for n in range(30)]
    filler = [feature("enum", f"ring_{n}", values=modes) for n in range(60)]
    said(z2m, "zigbee2mqtt/bridge/devices", devices(("Dimmer", [*filler, LAMP])))
    found = values(z2m, "zigbee2mqtt/Dimmer", {"brightness": 100})
    assert found["Lightbulb/Brightness"] == "10"


@pytest.mark.parametrize("payload", ["{", "{}", '"x"', "[[], 7, null, {}]"])
def test_a_list_that_is_none(z2m, payload):
    wrong = [("mapping", None)] if payload[0] != "[" else []
    assert said(z2m, "zigbee2mqtt/bridge/devices", payload) == wrong


def test_what_was_said_is_kept(z2m):
    said(z2m, "zigbee2mqtt/bridge/devices", devices(("Lamp", [LAMP])))
    said(z2m, "zigbee2mqtt/Lamp", {"state": "ON", "brightness": 1000})
    again = Translator(Mapping(presets=("zigbee2mqtt",)))
    again.parts.load({"Lamp": z2m.parts.record("Lamp")})
    assert values(again, "zigbee2mqtt/Lamp", {"brightness": 250})["Lightbulb/Brightness"] == "25"
    assert sent(again, "Lamp/Lightbulb/Brightness", "50")[1] == {"brightness": 500}


def test_limits_that_a_thermostat_exposes(z2m):
    trv = {"type": "climate", "features": [
        feature("numeric", "current_heating_setpoint", unit="°C", value_min=5, value_max=30,
                value_step=0.5),
        feature("numeric", "local_temperature", unit="°C"),
    ]}  # fmt: skip
    said(z2m, "zigbee2mqtt/bridge/devices", devices(("TRV", [trv])))
    said(z2m, "zigbee2mqtt/TRV", {"current_heating_setpoint": 21, "local_temperature": 19.5})
    kind = z2m.kind(SeriesKey("TRV", "Thermostat", 0, "TargetTemperature"))
    assert (kind.minimum, kind.maximum, kind.step) == (5, 30, 0.5)
