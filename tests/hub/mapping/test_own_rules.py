"""Rules of one's own for gateways that people run: OpenMQTTGateway, rtl_433, Valetudo.

Topics and payloads as docs.openmqttgateway.com, rtl_433's "MQTT" page and valetudo.cloud have them.
"""

from __future__ import annotations

import pytest

from contracts.homekit.values import parse
from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said, sent, values


def speaking(*topics, **profile):
    rules = {"profiles": {"own": {"topics": list(topics), **profile}}}
    return Translator(Mapping.model_validate(rules))


def rule(topic, service, characteristic, **more):
    return {"topic": topic, "service": service, "characteristic": characteristic, **more}


def test_a_thermometer_that_several_bluetooth_gateways_hear():
    topic = "home/{node}/BTtoMQTT/{device}"
    omg = speaking(
        rule(topic, "TemperatureSensor", "CurrentTemperature", path="tempc", part=""),
        rule(topic, "HumiditySensor", "CurrentRelativeHumidity", path="hum", part=""),
        rule(topic, "BatteryService", "BatteryLevel", path="batt", part=""),
        online=[{"topic": "home/OMG/LWT", "online": ["online"], "offline": ["offline"]}],
        silent_after=3600,
    )
    payload = {"id": "A4:C1:38:12:AB:34", "name": "LYWSD03MMC", "rssi": -60, "brand": "Xiaomi",
               "tempc": 21.5, "tempf": 70.7, "hum": 45.1, "batt": 90, "volt": 2.9}  # fmt: skip
    found = {
        "TemperatureSensor/CurrentTemperature": "21.5",
        "HumiditySensor/CurrentRelativeHumidity": "45.1",
        "BatteryService/BatteryLevel": "90",
    }
    assert values(omg, "home/OMG/BTtoMQTT/A4C13812AB34", payload) == found
    assert values(omg, "home/OMG_attic/BTtoMQTT/A4C13812AB34", payload) == found
    assert values(omg, "home/OMG/BTtoMQTT/A4C13812AB34", {"rssi": -70}) == {}
    assert said(omg, "home/OMG/LWT", "offline") == [("A4C13812AB34", False)]
    assert omg.silent_after("A4C13812AB34") == 3600


def test_a_radio_sensor_by_model_channel_and_id():
    base = "rtl_433/{node}/devices/{name}"
    rtl = speaking(
        rule(f"{base}/temperature_F", "TemperatureSensor", "CurrentTemperature", unit="F", part=""),
        rule(f"{base}/humidity", "HumiditySensor", "CurrentRelativeHumidity", part=""),
        rule(f"{base}/battery_ok", "BatteryService", "StatusLowBattery", invert=True, part=""),
    )
    tower = "rtl_433/pi/devices/Acurite-Tower/A/1234"
    assert values(rtl, f"{tower}/temperature_F", "70.700")[
        "TemperatureSensor/CurrentTemperature"
    ] == "21.5"  # fmt: skip
    assert values(rtl, f"{tower}/humidity", "45") == {
        "HumiditySensor/CurrentRelativeHumidity": "45"
    }
    assert values(rtl, f"{tower}/battery_ok", "1") == {"BatteryService/StatusLowBattery": "0"}
    assert values(rtl, f"{tower}/battery_ok", "0") == {"BatteryService/StatusLowBattery": "1"}
    [(name, _), *_] = said(rtl, "rtl_433/pi/devices/Acurite-Tower/B/1234/humidity", "50")
    assert name.startswith("Acurite-Tower_B_1234/")


def test_a_vacuum_cleaner():
    base = "valetudo/{device}"
    valetudo = speaking(
        rule(f"{base}/BatteryStateAttribute/level", "BatteryService", "BatteryLevel", part=""),
        rule(f"{base}/BatteryStateAttribute/status", "BatteryService", "ChargingState", part="",
             words={"charging": "1", "discharging": "0", "charged": "0", "none": "2"}),
        rule(f"{base}/StatusStateAttribute/status", "Switch", "On", part="",
             words={"cleaning": "1", "moving": "1", "docked": "0", "idle": "0", "paused": "0",
                    "returning": "0"}, others="skip",
             command="valetudo/{device}/BasicControlCapability/operation/set",
             command_words={"1": "START", "0": "HOME"}),
        online=[{"topic": f"{base}/$state", "online": ["ready"], "offline": ["lost",
                 "disconnected"]}],
    )  # fmt: skip
    robot = "valetudo/robot"
    assert values(valetudo, f"{robot}/StatusStateAttribute/status", "cleaning") == {
        "Switch/On": "1"
    }
    assert values(valetudo, f"{robot}/StatusStateAttribute/status", "error") == {}
    assert sent(valetudo, "robot/Switch/On", "0") == (
        f"{robot}/BasicControlCapability/operation/set",
        "HOME",
    )
    assert values(valetudo, f"{robot}/BatteryStateAttribute/level", "81") == {
        "BatteryService/BatteryLevel": "81"
    }
    assert said(valetudo, f"{robot}/$state", "lost") == [("robot", False)]


@pytest.mark.parametrize(
    ("payload", "there"),
    [
        ("online", True), ("Online", True), ('{"state":"online"}', True), ('"offline"', False),
        ('{"state": "OFFLINE"}', False), ('{"state": null}', None), ('{"other": 1}', None),
        ("{", None),
    ],
)  # fmt: skip
def test_availability_in_whatever_form(payload, there):
    own = speaking(
        rule("x/{device}/v", "Switch", "On"),
        online=[{"topic": "x/{device}/a", "path": "state", "online": ["online"],
                 "offline": ["offline"]}],
    )  # fmt: skip
    assert said(own, "x/d/a", payload) == ([] if there is None else [("d", there)])


@pytest.mark.parametrize("payload", ["true", "True", '{"available": true}', '{"available": 1}'])
def test_availability_that_is_true_or_one(payload):
    own = speaking(
        rule("x/{device}/v", "Switch", "On"),
        online=[{"topic": "x/{device}/a", "path": "available", "online": ["true", "1"],
                 "offline": ["false", "0"]}],
    )  # fmt: skip
    assert said(own, "x/d/a", payload) == [("d", True)]


@pytest.mark.parametrize(
    ("raw", "state"),
    [("closed", 0), ("open", 1), ("ON", 0), ("OFF", 1), ("true", 0), ("0", 1)],
)
def test_a_contact_the_other_way_round(raw, state):
    """A reed switch that is on while the door is closed; words for states stay what they say."""
    words = {"closed": "0", "open": "1"} if raw in {"closed", "open"} else {}
    own = speaking(rule("x/{device}/c", "ContactSensor", "ContactSensorState",
                        invert=not words, words=words))  # fmt: skip
    [told] = values(own, "x/d/c", raw).values()
    assert parse("ContactSensor", "ContactSensorState", told) == state
