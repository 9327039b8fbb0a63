"""Messages of Shelly's first generation and of those since (shelly-api-docs.shelly.cloud)."""

from __future__ import annotations

import pytest

from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said, sent, values

GEN1, GEN2 = "shellies/shelly25-A1B2C3", "shellyplus2pm-a8032abe54dc"


@pytest.fixture
def shelly():
    return Translator(Mapping(presets=("shelly",)))


@pytest.mark.parametrize(
    ("rest", "payload", "found"),
    [
        ("relay/0", "on", {"Switch/On": "1"}),
        ("relay/1", "off", {"Switch/1/On": "0"}),
        ("relay/0", "overpower", {"Switch/On": "0"}),
        ("relay/0/power", "12.5", {"Switch/Power": "12.5"}),
        ("relay/0/energy", "90000", {"Switch/Energy": "1.5"}),  # watt-minutes
        ("emeter/2/power", "-300.5", {"EnergyMeter/2/Power": "-300.5"}),
        ("emeter/0/total", "1500", {"EnergyMeter/Energy": "1.5"}),  # watt-hours
        ("roller/0/pos", "30", {"WindowCovering/CurrentPosition": "30"}),
        ("roller/0/pos", "-1", {}),  # not calibrated
        ("roller/0", "open", {"WindowCovering/PositionState": "1"}),
        ("roller/0", "stop", {"WindowCovering/PositionState": "2"}),
        ("sensor/temperature", "21.5", {"TemperatureSensor/CurrentTemperature": "21.5"}),
        ("sensor/humidity", "55.5", {"HumiditySensor/CurrentRelativeHumidity": "55.5"}),
        ("sensor/battery", "87", {"BatteryService/BatteryLevel": "87"}),
        ("sensor/flood", "true", {"LeakSensor/LeakDetected": "true"}),
        ("sensor/motion", "false", {"MotionSensor/MotionDetected": "false"}),
        ("sensor/state", "open", {"ContactSensor/ContactSensorState": "open"}),
        ("sensor/state", "unknown", {}),
        # A sensor that failed, a battery or a light level that is not known.
        ("sensor/temperature", "999.00", {}),
        ("sensor/humidity", "999", {}),
        ("ext_temperature/0", "999.0", {}),
        ("sensor/battery", "-1", {}),
        ("sensor/lux", "-1", {}),
        ("status", {"motion": True, "timestamp": 1, "active": True, "vibration": False, "lux": 118,
                    "bat": 84},
         {"MotionSensor/MotionDetected": "1",
          "LightSensor/CurrentAmbientLightLevel": "118", "BatteryService/BatteryLevel": "84"}),
        ("ext_temperature/1", "5.5", {"TemperatureSensor/1/CurrentTemperature": "5.5"}),
        ("temperature", "55.1", {}),  # of the device itself
        ("announce", {"id": "x", "model": "SHSW-25", "fw_ver": "20230913-112003/v1.14.0-gcb84623"},
         {"AccessoryInformation/Model": "SHSW-25",
          "AccessoryInformation/FirmwareRevision": "20230913-112003/v1.14.0-gcb84623"}),
        ("light/0/status", {"ison": True, "mode": "white", "brightness": 50},
         {"Lightbulb/On": "1", "Lightbulb/Brightness": "50"}),
        ("color/0/status", {"ison": True, "red": 255, "green": 0, "blue": 0, "gain": 40},
         {"Lightbulb/On": "1", "Lightbulb/Brightness": "40", "Lightbulb/Hue": "0",
          "Lightbulb/Saturation": "100"}),
    ],
)  # fmt: skip
def test_the_first_generation(shelly, rest, payload, found):
    assert values(shelly, f"{GEN1}/{rest}", payload) == found


def test_relays_count_from_0_and_are_commanded_by_their_number(shelly):
    said(shelly, f"{GEN1}/relay/1", "off")
    said(shelly, f"{GEN1}/relay/0", "off")
    assert sent(shelly, "shelly25-A1B2C3/Switch/On", "1") == (f"{GEN1}/relay/0/command", "on")
    assert sent(shelly, "shelly25-A1B2C3/Switch/1/On", "0") == (f"{GEN1}/relay/1/command", "off")
    said(shelly, f"{GEN1}/roller/0/pos", "100")
    covering = "shelly25-A1B2C3/WindowCovering/TargetPosition"
    assert sent(shelly, covering, "30") == (f"{GEN1}/roller/0/command/pos", "30")
    said(shelly, f"{GEN1}/light/0/status", {"ison": False, "brightness": 7})
    lamp = "shelly25-A1B2C3/Lightbulb"
    assert sent(shelly, f"{lamp}/On", "1") == (f"{GEN1}/light/0/set", {"turn": "on"})
    assert sent(shelly, f"{lamp}/Brightness", "30")[1] == {"brightness": 30}


def test_a_press_that_is_told_again_is_none(shelly):
    press = {"event": "S", "event_cnt": 7}
    event = "StatelessProgrammableSwitch/ProgrammableSwitchEvent"
    assert values(shelly, f"{GEN1}/input_event/0", press) == {event: "0"}
    assert values(shelly, f"{GEN1}/input_event/0", press) == {}
    assert values(shelly, f"{GEN1}/input_event/0", {"event": "L", "event_cnt": 8}) == {event: "2"}


SWITCH = {"id": 1, "source": "init", "output": True, "apower": 8.9, "voltage": 237.5,
          "current": 0.04, "aenergy": {"total": 1500.0, "by_minute": [1, 2]},
          "temperature": {"tC": 53.4, "tF": 128.2}}  # fmt: skip


@pytest.mark.parametrize(
    ("component", "status", "found"),
    [
        ("switch:1", SWITCH,
         {"Switch/1/On": "1", "Switch/1/Power": "8.9", "Switch/1/Energy": "1.5",
          "Switch/1/Voltage": "237.5", "Switch/1/Current": "0.04"}),
        ("switch:0", {"id": 0, "output": False}, {"Switch/On": "0"}),
        ("cover:0", {"id": 0, "state": "opening", "current_pos": 30, "target_pos": 80},
         {"WindowCovering/CurrentPosition": "30", "WindowCovering/TargetPosition": "80",
          "WindowCovering/PositionState": "1"}),
        ("cover:0", {"id": 0, "state": "stopped", "current_pos": None},
         {"WindowCovering/PositionState": "2"}),
        ("light:0", {"id": 0, "output": True, "brightness": 33},
         {"Lightbulb/On": "1", "Lightbulb/Brightness": "33"}),
        ("temperature:100", {"id": 100, "tC": 20.5, "tF": 68.9},
         {"TemperatureSensor/CurrentTemperature": "20.5"}),
        ("humidity:0", {"id": 0, "rh": 49.7}, {"HumiditySensor/CurrentRelativeHumidity": "49.7"}),
        ("devicepower:0", {"id": 0, "battery": {"V": 5.2, "percent": 88}},
         {"BatteryService/BatteryLevel": "88"}),
        ("flood:0", {"id": 0, "alarm": True, "mute": False}, {"LeakSensor/LeakDetected": "1"}),
        ("smoke:0", {"id": 0, "alarm": False}, {"SmokeSensor/SmokeDetected": "0"}),
        ("illuminance:0", {"id": 0, "lux": 310}, {"LightSensor/CurrentAmbientLightLevel": "310"}),
        ("pm1:0", {"id": 0, "apower": 7, "aenergy": {"total": 250}},
         {"EnergyMeter/Power": "7", "EnergyMeter/Energy": "0.25"}),
        ("wifi", {"rssi": -60}, {}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["status", "rpc"])
def test_later_generations(shelly, way, component, status, found):
    """By "generic status updates", and by the notifications that are on from the start."""
    if way == "status":
        assert values(shelly, f"{GEN2}/status/{component}", status) == found
        return
    notified = {"src": GEN2, "dst": f"{GEN2}/events", "method": "NotifyStatus",
                "params": {"ts": 1700000000.1, component: status}}  # fmt: skip
    assert values(shelly, f"{GEN2}/events/rpc", notified) == found


def test_commands_of_later_generations(shelly):
    said(shelly, f"{GEN2}/status/switch:1", SWITCH)
    assert sent(shelly, f"{GEN2}/Switch/1/On", "0") == (f"{GEN2}/command/switch:1", "off")
    said(shelly, f"{GEN2}/status/cover:0", {"current_pos": 30})
    covering = f"{GEN2}/WindowCovering/TargetPosition"
    assert sent(shelly, covering, "70") == (f"{GEN2}/command/cover:0", "pos,70")
    said(shelly, f"{GEN2}/events/rpc", {"params": {"light:0": {"output": False}}})
    topic, asked = sent(shelly, f"{GEN2}/Lightbulb/On", "1")
    assert (topic, asked["method"], asked["params"]) == (
        f"{GEN2}/rpc",
        "Light.Set",
        {"id": 0, "on": True},
    )


def test_buttons_by_their_input(shelly):
    events = [{"component": "input:1", "id": 1, "event": "double_push", "ts": 1}]
    notified = {"method": "NotifyEvent", "params": {"ts": 1, "events": events}}
    event = "StatelessProgrammableSwitch/ProgrammableSwitchEvent"
    assert values(shelly, f"{GEN2}/events/rpc", notified) == {event: "1"}
    events[0] |= {"component": "input:0", "event": "btn_down"}
    assert values(shelly, f"{GEN2}/events/rpc", notified) == {}
    events[0]["event"] = "single_push"
    assert values(shelly, f"{GEN2}/events/rpc", notified) == {event.replace("/", "/1/"): "0"}


@pytest.mark.parametrize("topic", [f"{GEN1}/online", f"{GEN2}/online"])
def test_presence(shelly, topic):
    device = topic.split("/")[-2]
    assert said(shelly, topic, "true") == [(device, True)]
    assert said(shelly, topic, "false") == [(device, False)]


def test_a_battery_device_that_says_offline_sleeps(shelly):
    base = "shellies/shellyht-A1"
    assert said(shelly, f"{base}/online", "true") == [("shellyht-A1", True)]
    assert said(shelly, f"{base}/sensor/battery", "90") == [
        ("shellyht-A1", None),
        ("shellyht-A1/BatteryService/BatteryLevel", "90"),
    ]
    assert said(shelly, f"{base}/online", "false") == []
    assert shelly.silent_after("shellyht-A1") == 25 * 3600


@pytest.mark.parametrize(
    ("bases", "topics"),
    [({}, "shellyplus1-08b61fd90730"), ({}, "shellies/plus1pm"),
     ({"shelly": "home/shelly"}, "home/shelly/plus1pm")],
)  # fmt: skip
def test_a_topic_prefix_of_ones_own(bases, topics):
    """Captured of a Plus 1PM whose MQTT prefix is "shellies/plus1pm", as many people set it."""
    shelly = Translator(Mapping(presets=("shelly",), bases=bases))
    device = topics.rpartition("/")[2]
    full = {"src": "shellyplus1pm-4417939341dc", "dst": f"{topics}/events",
            "method": "NotifyStatus", "params": {"ts": 1661517385.44, "switch:0": {
                "id": 0, "output": False, "source": "HTTP_in"}}}  # fmt: skip
    assert said(shelly, f"{topics}/online", "true") == [(device, True)]
    assert values(shelly, f"{topics}/events/rpc", full) == {"Switch/On": "0"}
    assert sent(shelly, f"{device}/Switch/On", "1") == (f"{topics}/command/switch:0", "on")
    assert values(shelly, f"{topics}/status/switch:0", SWITCH | {"id": 0}) == {
        "Switch/On": "1", "Switch/Power": "8.9", "Switch/Energy": "1.5",
        "Switch/Voltage": "237.5", "Switch/Current": "0.04",
    }  # fmt: skip
    # What has not changed is not there, and is no zero.
    for rest in ({"mqtt": {"connected": True}}, {"switch:0": {"id": 0, "temperature":
                 {"tC": 37.67, "tF": 99.81}}}, {"input:0": {"id": 0, "state": False}},
                 {"switch:0": {"counts": {"on_time": 1912440}}}):  # fmt: skip
        assert values(shelly, f"{topics}/events/rpc", {"params": {"ts": None, **rest}}) == {}


def test_a_battery_sensor_wakes_with_everything(shelly):
    """Captured of a Plus H&T: numbers of its own for each kind, USB power, no clock yet."""
    params = {
        "ts": 1680962879.62, "ble": {}, "cloud": {"connected": False},
        "devicepower:0": {"id": 0, "battery": {"V": 0.43, "percent": 0},
                          "external": {"present": True}},
        "ht_ui": {}, "humidity:0": {"id": 0, "rh": 42.2}, "mqtt": {"connected": True},
        "sys": {"mac": "B8D61A8B17CC", "time": None, "uptime": 3, "wakeup_period": 600},
        "temperature:0": {"id": 0, "tC": 19.8, "tF": 67.6}, "wifi": {"rssi": -60},
    }  # fmt: skip
    message = {"src": "shellyplusht-b8d61a8b17cc", "method": "NotifyFullStatus", "params": params}
    assert values(shelly, "shellyplusht-b8d61a8b17cc/events/rpc", message) == {
        "BatteryService/BatteryLevel": "0",
        "HumiditySensor/CurrentRelativeHumidity": "42.2",
        "TemperatureSensor/CurrentTemperature": "19.8",
    }
    params |= {"temperature:0": {"id": 0, "tC": None, "tF": None, "errors": ["read"]}}
    found = values(shelly, "shellyplusht-b8d61a8b17cc/events/rpc", message)
    assert "TemperatureSensor/CurrentTemperature" not in found


@pytest.mark.parametrize(
    ("component", "status", "found"),
    [
        ("em1:0", {"id": 0, "current": 16.714, "act_power": -1899.8, "voltage": 117.6,
                   "aprt_power": 1974.5, "pf": 0.82, "calibration": "factory"},
         {"EnergyMeter/Power": "-1899.8", "EnergyMeter/Voltage": "117.6",
          "EnergyMeter/Current": "16.714"}),
        ("em1data:1", {"id": 1, "total_act_energy": 250.5, "total_act_ret_energy": 9},
         {"EnergyMeter/1/Energy": "0.2505"}),
        ("emdata:0", {"id": 0, "a_total_act_energy": 1, "total_act": 1500, "total_act_ret": 3},
         {"EnergyMeter/Energy": "1.5"}),
        ("rgbw:0", {"id": 0, "output": True, "rgb": [0, 0, 255], "brightness": 40, "white": 9},
         {"Lightbulb/On": "1", "Lightbulb/Brightness": "40", "Lightbulb/Hue": "240",
          "Lightbulb/Saturation": "100"}),
        ("cover:0", {"id": 0, "state": "calibrating", "pos_control": False}, {}),
    ],
)  # fmt: skip
def test_more_components(shelly, component, status, found):
    assert values(shelly, f"{GEN2}/status/{component}", status) == found
    other = "shellypro-0"
    message = {"method": "NotifyStatus", "params": {component: status}}
    assert values(shelly, f"{other}/events/rpc", message) == found
