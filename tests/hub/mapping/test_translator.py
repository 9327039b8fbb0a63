"""Whole messages of other firmware, and commands to it."""

from __future__ import annotations

import pytest

from contracts.reading import SeriesKey
from hub.database.key_value import KeyValueStore
from hub.mapping.rules import Mapping
from hub.mapping.stored import StoredMapping
from hub.mapping.translator import Translator
from tests.hub.mapping.said import said


@pytest.fixture
def tasmota():
    return Translator(Mapping(presets=("tasmota",)))


def test_a_tasmota_sensor(tasmota):
    payload = {
        "Time": "2026-01-01T00:00:00",
        "DS18B20-1": {"Id": "01", "Temperature": 68.9},
        "BME280": {"Temperature": 50, "Humidity": 40.5, "Pressure": 1013.2},
        "ENERGY": {"Total": 1.5, "Power": 12, "Voltage": 230, "Current": 0.05},
        "TempUnit": "F",
        "PressureUnit": "hPa",
    }
    assert said(tasmota, "tele/plug_1/SENSOR", payload) == [
        ("plug_1/TemperatureSensor/CurrentTemperature", "20.5"),
        ("plug_1/TemperatureSensor/1/CurrentTemperature", "10"),
        ("plug_1/HumiditySensor/CurrentRelativeHumidity", "40.5"),
        ("plug_1/AirPressureSensor/AirPressure", "1013.2"),
        ("plug_1/EnergyMeter/Power", "12"),
        ("plug_1/EnergyMeter/Energy", "1.5"),
        ("plug_1/EnergyMeter/Voltage", "230"),
        ("plug_1/EnergyMeter/Current", "0.05"),
    ]


def test_a_tasmota_relay(tasmota):
    assert said(tasmota, "tele/plug_1/LWT", "Online") == [("plug_1", True)]
    assert said(tasmota, "tele/plug_1/LWT", "Offline") == [("plug_1", False)]
    assert said(tasmota, "stat/plug_1/POWER", "ON") == [("plug_1/Switch/On", "1")]
    assert said(tasmota, "stat/plug_1/POWER2", "OFF") == [("plug_1/Switch/1/On", "0")]
    assert said(tasmota, "tele/plug_1/STATE", {"POWER": "ON"}) == [("plug_1/Switch/On", "1")]
    assert said(tasmota, "tele/plug_1/STATE", "{") == [("mapping", "plug_1")]
    assert said(tasmota, "tele/plug_1/UPTIME", "{}") == []
    second = SeriesKey("plug_1", "Switch", 1, "On")
    assert tasmota.command(second, "1") == ("cmnd/plug_1/POWER2", "ON")
    ours = SeriesKey("esp_1", "Switch", 0, "On")
    assert tasmota.command(ours, "1") == ("HomeKit/esp_1/Switch/On/set", "1")


def test_what_tasmota_may_touch(tasmota):
    assert "tele/+/SENSOR" in tasmota.filters
    assert tasmota.command_filters == ["+/cmnd/+", "cmnd/+/+"]
    reports, commands = tasmota.acl()
    assert "tele/%u/SENSOR" in reports
    assert commands == ["%u/cmnd/+", "cmnd/%u/+"]


async def test_homie_nodes_keep_their_index(store):
    stored = StoredMapping(KeyValueStore(store.of("home"), "mapping"), Mapping(presets=("homie",)))
    await stored.start()
    homie = stored.translator
    assert said(homie, "homie/box/$name", "Box") == [("box/AccessoryInformation/Name", "Box")]
    assert said(homie, "homie/box/outside/temperature", "5.5") == [
        ("box/TemperatureSensor/CurrentTemperature", "5.5")
    ]
    assert said(homie, "homie/box/inside/temperature", "20") == [
        ("box/TemperatureSensor/1/CurrentTemperature", "20")
    ]
    assert said(homie, "homie/box/lamp/on", "true") == [("box/Switch/On", "1")]
    lamp = SeriesKey("box", "Switch", 0, "On")
    assert homie.command(lamp, "0") == ("homie/box/lamp/on/set", "false")
    await stored.stop()
    stored = StoredMapping(KeyValueStore(store.of("home"), "mapping"))
    await stored.start()
    again = stored.translator
    assert said(again, "homie/box/inside/temperature", "21") == [
        ("box/TemperatureSensor/1/CurrentTemperature", "21")
    ]
    assert said(again, "homie/box/$state", "lost") == [("box", False)]
    assert again.command(lamp, "1") == ("homie/box/lamp/on/set", "true")


def test_a_devices_profile_comes_before_its_models():
    fahrenheit = {"values": {"TemperatureSensor/CurrentTemperature": {"unit": "F"}}}
    kelvin = {"values": {"TemperatureSensor/CurrentTemperature": {"unit": "K"}}}
    translator = Translator(
        Mapping.model_validate({"devices": {"a": fahrenheit}, "models": {"old": kelvin}}),
        model=lambda device: "old" if device in {"a", "b"} else None,
    )
    raw = [
        translator.convert(SeriesKey(d, "TemperatureSensor", 0, "CurrentTemperature"), "300")
        for d in "abc"
    ]
    assert raw == ["148.888889", "26.85", "300"]


def test_one_topic_for_state_and_command():
    profile = {"command": "same-topic", "confirm": 2, "values": {"Switch/On": {"invert": True}}}
    translator = Translator(Mapping.model_validate({"devices": {"a": profile}}))
    key = SeriesKey("a", "Switch", 0, "On")
    assert translator.command(key, "1") == ("HomeKit/a/Switch/On", "0")
    assert translator.convert(key, "0") == "1"
    assert not translator.command_style("a").echoes
    assert translator.command_style("a").confirm == 2
    assert translator.command_style("b").echoes
