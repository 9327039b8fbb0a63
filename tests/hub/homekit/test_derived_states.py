"""Sensors that publish a measurement alone appear, with the state that follows from it."""

from __future__ import annotations

import pytest

from hub.mapping.rules import Mapping
from tests.hub.homekit.conftest import Home


@pytest.mark.parametrize(
    ("series", "state", "said"),
    [
        ("CarbonDioxideSensor/CarbonDioxideLevel", "CarbonDioxideDetected",
         [("800", 0), ("1200", 1), ("900", 0)]),
        ("CarbonMonoxideSensor/CarbonMonoxideLevel", "CarbonMonoxideDetected",
         [("5", 0), ("60", 1)]),
        ("AirQualitySensor/PM2.5Density", "AirQuality", [("7", 1), ("30", 4), ("300", 5)]),
        ("AirQualitySensor/VOCDensity", "AirQuality", [("200", 1), ("2500", 3)]),
        ("BatteryService/BatteryLevel", "StatusLowBattery", [("80", 0), ("12", 1), ("55", 0)]),
    ],
)  # fmt: skip
async def test_a_measurement_alone(home, series, state, said):
    service, _ = series.split("/")
    home.hear(f"HomeKit/esp/{series}", said[0][0])
    phone = await home.phone()
    place = await phone.wait_for("esp", service, state)
    await phone.subscribe(place)
    before = said[0][1]
    for measured, follows in said:
        home.hear(f"HomeKit/esp/{series}", measured)
        await home.settled()
        assert await phone.read(place) == follows
        if follows != before:
            assert await phone.event(place) == follows
            before = follows
    home.check()


async def test_a_low_battery_is_the_whole_devices(home):
    home.hear("HomeKit/esp/TemperatureSensor/CurrentTemperature", "20")
    home.hear("HomeKit/esp/BatteryService/BatteryLevel", "50")
    phone = await home.phone()
    place = await phone.wait_for("esp", "TemperatureSensor", "StatusLowBattery")
    assert await phone.read(place) == 0
    home.hear("HomeKit/esp/BatteryService/BatteryLevel", "9")
    assert await phone.read(place) == 1
    # What the device says itself counts for more.
    home.hear("HomeKit/esp/BatteryService/StatusLowBattery", "normal")
    await home.settled()
    assert await phone.read(place) == 0


async def test_what_the_device_says_itself_counts_for_more(home):
    home.hear("HomeKit/esp/CarbonDioxideSensor/CarbonDioxideLevel", "2000")
    home.hear("HomeKit/esp/CarbonDioxideSensor/CarbonDioxideDetected", "clear")
    phone = await home.phone()
    place = await phone.wait_for("esp", "CarbonDioxideSensor", "CarbonDioxideDetected")
    assert await phone.read(place) == 0


async def test_thresholds_by_rule():
    values = {
        "CarbonDioxideSensor/CarbonDioxideLevel": {"thresholds": [1500]},
        "BatteryService/BatteryLevel": {"thresholds": [15]},
    }
    home = Home(Mapping.model_validate({"devices": {"esp": {"values": values}}}))
    await home.bridge.start()
    home.hear("HomeKit/esp/CarbonDioxideSensor/CarbonDioxideLevel", "1400")
    home.hear("HomeKit/esp/BatteryService/BatteryLevel", "17")
    phone = await home.phone()
    gas = await phone.wait_for("esp", "CarbonDioxideSensor", "CarbonDioxideDetected")
    battery = await phone.wait_for("esp", "BatteryService", "StatusLowBattery")
    assert [await phone.read(gas), await phone.read(battery)] == [0, 0]
    await phone.close()
    await home.bridge.stop()


async def test_a_leak_by_its_word(home):
    home.hear("HomeKit/esp/LeakSensor/LeakDetected", "TRUE")
    phone = await home.phone()
    place = await phone.wait_for("esp", "LeakSensor", "LeakDetected")
    assert await phone.read(place) == 1
    home.hear("HomeKit/esp/LeakSensor/LeakDetected", "dry")
    assert await phone.read(place) == 0
