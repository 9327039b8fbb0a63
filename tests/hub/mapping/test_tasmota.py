"""Messages as Tasmota 9 to 15 sends them (tasmota.github.io/docs: MQTT, JSON status responses)."""

from __future__ import annotations

import pytest

from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said, sent, values

TIME = "2026-01-31T12:00:00"


@pytest.fixture
def tasmota():
    return Translator(Mapping(presets=("tasmota",)))


def temperatures(tasmota, **sensors):
    return values(tasmota, "tele/t/SENSOR", {"Time": TIME, **sensors, "TempUnit": "C"})


FIRST, SECOND, THIRD = (
    "TemperatureSensor/CurrentTemperature",
    "TemperatureSensor/1/CurrentTemperature",
    "TemperatureSensor/2/CurrentTemperature",
)
ONE = {"Id": "01131B123456", "Temperature": 20.5}
TWO = {"Id": "01131B654321", "Temperature": 21.5}


@pytest.mark.parametrize(
    ("sensors", "found"),
    [
        # The first one has failed: Tasmota leaves it out, or counts the rest anew.
        ({"DS18B20-2": TWO}, {SECOND: "21.5"}),
        ({"DS18B20-1": TWO}, {SECOND: "21.5"}),
        ({"DS18B20": TWO}, {SECOND: "21.5"}),
        ({"DS18B20-1": {**ONE, "Temperature": None}, "DS18B20-2": TWO}, {SECOND: "21.5"}),
        ({"DS18B20-1": None, "DS18B20-2": TWO}, {SECOND: "21.5"}),
        ({"DS18B20-1": TWO, "DS18B20-2": ONE}, {SECOND: "21.5", FIRST: "20.5"}),
        # A third was plugged in, and sorts before the others by its address.
        (
            {"DS18B20-1": {"Id": "00FF", "Temperature": 1}, "DS18B20-2": ONE, "DS18B20-3": TWO},
            {THIRD: "1", FIRST: "20.5", SECOND: "21.5"},
        ),
    ],
)
def test_a_sensor_is_its_address(tasmota, sensors, found):
    both = temperatures(tasmota, **{"DS18B20-1": ONE, "DS18B20-2": TWO})
    assert both == {FIRST: "20.5", SECOND: "21.5"}
    assert temperatures(tasmota, **sensors) == found
    assert temperatures(tasmota, **{"DS18B20-1": ONE, "DS18B20-2": TWO}) == both


def test_a_sensor_without_address_is_its_name(tasmota):
    both = {"BME280-76": {"Temperature": 20}, "BME280-77": {"Temperature": 21}}
    assert temperatures(tasmota, **both) == {FIRST: "20", SECOND: "21"}
    assert temperatures(tasmota, **{"BME280-77": {"Temperature": 22}}) == {SECOND: "22"}
    # One sensor a message.
    assert temperatures(tasmota, AM2301={"Temperature": 5, "Humidity": 40}) == {
        THIRD: "5",
        "HumiditySensor/CurrentRelativeHumidity": "40",
    }


def test_the_chips_own_temperature_is_no_room(tasmota):
    found = temperatures(tasmota, ESP32={"Temperature": 47.8}, SHT3X={"Temperature": 20.1})
    assert found == {FIRST: "20.1"}


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (
            {"BME280": {"Temperature": 68, "Humidity": 50, "DewPoint": 48, "Pressure": 29.92},
             "PressureUnit": "inHg", "TempUnit": "F"},
            {FIRST: "20", "HumiditySensor/CurrentRelativeHumidity": "50",
             "AirPressureSensor/AirPressure": "1013.207489"},
        ),
        ({"MHZ19B": {"Model": "B", "CarbonDioxide": 815, "Temperature": 23}, "TempUnit": "C"},
         {FIRST: "23", "CarbonDioxideSensor/CarbonDioxideLevel": "815"}),
        ({"PMS5003": {"CF1": 5, "PM2.5": 7, "PM10": 9}},
         {"AirQualitySensor/PM2.5Density": "7", "AirQualitySensor/PM10Density": "9"}),
        ({"BH1750": {"Illuminance": 79}}, {"LightSensor/CurrentAmbientLightLevel": "79"}),
        ({"ATC112233": {"mac": "a4c138112233", "Temperature": 19.5, "Humidity": 55, "Battery": 80},
          "TempUnit": "C"},
         {FIRST: "19.5", "HumiditySensor/CurrentRelativeHumidity": "55",
          "BatteryService/BatteryLevel": "80"}),
        ({"ANALOG": {"Temperature1": 20, "Temperature2": 30}, "TempUnit": "C"},
         {FIRST: "20", SECOND: "30"}),
        ({"Shutter1": {"Position": 30, "Direction": 1, "Target": 70, "Tilt": 0}},
         {"WindowCovering/CurrentPosition": "30", "WindowCovering/TargetPosition": "70",
          "WindowCovering/PositionState": "1"}),
        ({"ZbReceived": {"0x4B2A": {"Device": "0x4B2A", "Name": "Door", "Contact": 1}}},
         {"ContactSensor/ContactSensorState": "1"}),
        ({"Time": TIME}, {}),
    ],
)  # fmt: skip
def test_sensors(tasmota, payload, found):
    assert values(tasmota, "tele/t/SENSOR", {"Time": TIME, **payload}) == found
    # The same, asked for by Status 10.
    assert values(tasmota, "stat/t/STATUS10", {"StatusSNS": {"Time": TIME, **payload}}) == found


def test_energy_of_one_channel_and_of_several(tasmota):
    energy = {"TotalStartTime": TIME, "Total": 3.5, "Yesterday": 0.1, "Power": 12,
              "Factor": 0.9, "Voltage": 230, "Current": 0.05}  # fmt: skip
    assert values(tasmota, "tele/one/SENSOR", {"ENERGY": energy}) == {
        "EnergyMeter/Power": "12",
        "EnergyMeter/Energy": "3.5",
        "EnergyMeter/Voltage": "230",
        "EnergyMeter/Current": "0.05",
    }
    dual = {**energy, "Power": [12, 0], "Current": [0.05, None]}
    assert values(tasmota, "tele/two/SENSOR", {"ENERGY": dual}) == {
        "EnergyMeter/Power": "12",
        "EnergyMeter/1/Power": "0",
        "EnergyMeter/Energy": "3.5",
        "EnergyMeter/Voltage": "230",
        "EnergyMeter/Current": "0.05",
    }


def test_several_relays_from_the_first_state_on(tasmota):
    state = {"Time": TIME, "Uptime": "0T00:00:10", "POWER1": "ON", "POWER2": "OFF",
             "Wifi": {"AP": 1, "RSSI": 80}}  # fmt: skip
    assert values(tasmota, "tele/dual/STATE", state) == {"Switch/On": "1", "Switch/1/On": "0"}
    assert sent(tasmota, "dual/Switch/1/On", "1") == ("cmnd/dual/POWER2", "ON")
    assert values(tasmota, "stat/dual/POWER2", "ON") == {"Switch/1/On": "1"}
    status = {"StatusSTS": state}
    assert values(tasmota, "stat/dual/STATUS11", status) == {"Switch/On": "1", "Switch/1/On": "0"}


def test_a_dimmer_is_a_lamp_whatever_came_first(tasmota):
    assert said(tasmota, "stat/lamp/POWER", "ON") == [("lamp/Switch/On", "1")]
    state = {"POWER": "ON", "Dimmer": 50, "Color": "80", "HSBColor": "120,100,50", "CT": 250}
    assert said(tasmota, "tele/lamp/STATE", {"Time": TIME, **state}) == [
        ("lamp/Switch/0", "leaves"),
        ("lamp/Lightbulb/Brightness", "50"),
        ("lamp/Lightbulb/ColorTemperature", "250"),
        ("lamp/Lightbulb/Hue", "120"),
        ("lamp/Lightbulb/Saturation", "100"),
        ("lamp/Lightbulb/On", "1"),
    ]
    assert said(tasmota, "stat/lamp/POWER", "OFF") == [("lamp/Lightbulb/On", "0")]
    assert said(tasmota, "stat/lamp/RESULT", {"Dimmer": 1}) == [("lamp/Lightbulb/Brightness", "1")]
    assert sent(tasmota, "lamp/Lightbulb/On", "1") == ("cmnd/lamp/POWER1", "ON")
    assert sent(tasmota, "lamp/Lightbulb/Brightness", "30") == ("cmnd/lamp/Dimmer", "30")
    assert sent(tasmota, "lamp/Lightbulb/ColorTemperature", "300") == ("cmnd/lamp/CT", "300")
    assert sent(tasmota, "lamp/Lightbulb/Hue", "240.0") == ("cmnd/lamp/HSBColor1", "240")


def test_a_lamp_beside_a_relay_is_the_last_one(tasmota):
    state = {"POWER1": "ON", "POWER2": "OFF", "Dimmer": 40}
    found = said(tasmota, "tele/both/STATE", state)
    assert ("both/Switch/On", "1") in found
    assert ("both/Lightbulb/1/On", "0") in found
    assert ("both/Lightbulb/1/Brightness", "40") in found
    assert sent(tasmota, "both/Lightbulb/1/On", "1") == ("cmnd/both/POWER2", "ON")
    assert sent(tasmota, "both/Switch/On", "0") == ("cmnd/both/POWER1", "OFF")


@pytest.mark.parametrize(
    ("topic", "payload", "found"),
    [
        ("tele/t/INFO1", {"Info1": {"Module": "Sonoff Basic", "Version": "12.3.1(tasmota)"}},
         {"AccessoryInformation/FirmwareRevision": "12.3.1(tasmota)",
          "AccessoryInformation/Model": "Sonoff Basic"}),
        ("tele/t/INFO1", {"Module": "Generic", "Version": "9.1.0(lite)"},
         {"AccessoryInformation/FirmwareRevision": "9.1.0(lite)",
          "AccessoryInformation/Model": "Generic"}),
        ("stat/t/STATUS2", {"StatusFWR": {"Version": "15.0.1(release-tasmota32)"}},
         {"AccessoryInformation/FirmwareRevision": "15.0.1(release-tasmota32)"}),
        ("stat/t/RESULT", {"Button1": {"Action": "DOUBLE"}},
         {"StatelessProgrammableSwitch/ProgrammableSwitchEvent": "1"}),
        ("stat/t/RESULT", {"Timers": "ON"}, {}),
        ("stat/t/RESULT", {"POWER": "ON"}, {}),  # stat/t/POWER says it too
        ("stat/t/LOGGING", "12:00:00 MQT: ...", {}),
    ],
)  # fmt: skip
def test_what_else_it_says(tasmota, topic, payload, found):
    assert values(tasmota, topic, payload) == found


@pytest.mark.parametrize(
    ("rules", "tele", "cmnd"),
    [
        ({}, "tele/plug", "cmnd/plug"),
        # Its own Home Assistant mode has set that, and many have kept it.
        ({}, "plug/tele", "plug/cmnd"),
        ({"bases": {"tasmota": "%topic%/%prefix%/"}}, "plug/tele", "plug/cmnd"),
        ({"bases": {"tasmota": "tasmota/%prefix%/%topic%/"}}, "tasmota/tele/plug",
         "tasmota/cmnd/plug"),
        ({"bases": {"tasmota": "penthouse/bath/%topic%/%prefix%"}}, "penthouse/bath/plug/tele",
         "penthouse/bath/plug/cmnd"),
        ({"bases": {"tasmota": "%prefix%/home/cellar/%topic%"}}, "tele/home/cellar/plug",
         "cmnd/home/cellar/plug"),
        ({"bases": {"tasmota": "%prefix%/%hostname%"}}, "tele/plug", "cmnd/plug"),
        ({"prefixes": {"cmnd": "cmd", "tele": "telemetry"}}, "telemetry/plug", "cmd/plug"),
        ({"prefixes": {"cmnd": "cmd", "tele": "telemetry"}}, "plug/telemetry", "plug/cmd"),
    ],
)  # fmt: skip
def test_full_topics(rules, tele, cmnd):
    tasmota = Translator(Mapping.model_validate({"presets": ["tasmota"], **rules}))
    assert said(tasmota, f"{tele}/LWT", "Online") == [("plug", True)]
    assert said(tasmota, f"{tele}/STATE", {"POWER1": "OFF", "POWER2": "ON"}) == [
        ("plug/Switch/On", "0"),
        ("plug/Switch/1/On", "1"),
    ]
    assert sent(tasmota, "plug/Switch/1/On", "0") == (f"{cmnd}/POWER2", "OFF")
    sensor = {"DS18B20": {"Id": "01", "Temperature": 68.0}, "TempUnit": "F"}
    assert values(tasmota, f"{tele}/SENSOR", sensor) == {FIRST: "20"}
    # What it is commanded by, and what others are told, is no news of it.
    assert said(tasmota, f"{cmnd}/POWER2", "OFF") == []


def test_both_orders_side_by_side(tasmota):
    said(tasmota, "stat/one/POWER", "ON")
    said(tasmota, "two/stat/POWER", "ON")
    assert sent(tasmota, "one/Switch/On", "0") == ("cmnd/one/POWER1", "OFF")
    assert sent(tasmota, "two/Switch/On", "0") == ("two/cmnd/POWER1", "OFF")
    # Another order later: the same switch, commanded where it was heard last.
    said(tasmota, "one/stat/POWER", "OFF")
    assert sent(tasmota, "one/Switch/On", "1") == ("one/cmnd/POWER1", "ON")


@pytest.mark.parametrize(
    ("sensor", "found"),
    [
        ({"SPS30": {"PM1_0": 3, "PM2_5": 7, "PM4_0": 8, "PM10": 9}},
         {"AirQualitySensor/PM2.5Density": "7", "AirQualitySensor/PM10Density": "9"}),
        ({"BMP280": {"Temperature": 20.1, "Pressure": 750.1, "SeaPressure": 760}, "PressureUnit":
          "mmHg"}, {FIRST: "20.1", "AirPressureSensor/AirPressure": "1000.051228"}),
        ({"SCD40": {"CarbonDioxide": 800, "eCO2": 810, "Temperature": 20, "Humidity": 40}},
         {FIRST: "20", "HumiditySensor/CurrentRelativeHumidity": "40",
          "CarbonDioxideSensor/CarbonDioxideLevel": "800"}),
        ({"TSL2591": {"Lux": 12.5}}, {"LightSensor/CurrentAmbientLightLevel": "12.5"}),
        ({"DS18B20": {"Id": "01", "Temperature": None}}, {}),
        ({"ENERGY": {"Total": 1.5, "Power": None, "Voltage": None}}, {"EnergyMeter/Energy": "1.5"}),
    ],
)  # fmt: skip
def test_more_sensors(tasmota, sensor, found):
    assert values(tasmota, "tele/t/SENSOR", sensor) == found


def test_the_colour_of_two_lights_is_the_first_ones(tasmota):
    """SetOption37 128: colour and white apart, each with its own power and dimmer."""
    state = {"POWER1": "ON", "Dimmer1": 50, "POWER2": "OFF", "Dimmer2": 20, "White": 20,
             "Color": "ff000000", "HSBColor": "240,100,50"}  # fmt: skip
    assert values(tasmota, "tele/rgbw/STATE", state) == {
        "Lightbulb/On": "1", "Lightbulb/Brightness": "50",
        "Lightbulb/Hue": "240", "Lightbulb/Saturation": "100",
        "Lightbulb/1/On": "0", "Lightbulb/1/Brightness": "20",
    }  # fmt: skip
    assert sent(tasmota, "rgbw/Lightbulb/1/Brightness", "70") == ("cmnd/rgbw/Dimmer2", "70")
    assert sent(tasmota, "rgbw/Lightbulb/On", "0") == ("cmnd/rgbw/POWER1", "OFF")
