"""Sensors of real wakes: lists that come over the air, pins that wake, values of another time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts import topics
from contracts.homekit.definitions import CHARACTERISTICS, SERVICES
from contracts.messages import StateValue, parse
from host.twin.vm import ASLEEP, RESET, Cause
from tests.firmware.board import Board
from tests.firmware.test_mains import SWITCH, running
from tests.support.broker import until

DS18B20 = {"driver": "ds18b20", "pin": 4}
BATTERY = {"driver": "battery"}
SHT = {"driver": "sht3x", "scl": 5, "sda": 4}


async def wake(board: Board, cause: Cause = Cause.DEEPSLEEP, status: int = ASLEEP) -> None:
    """One wake; settings that the device has changed stay changed."""
    ended = await board.wake(cause)
    assert ended.status == status, ended.console
    assert "Traceback" not in ended.console
    board.settings = json.loads((board.folder / "flash/settings.json").read_text())


def values(batch, board: Board) -> dict[str, Any]:
    return {topics.state(one.series).removeprefix(board.topic): one.raw for one in batch.entries}


@pytest.fixture
async def board(make_board, admit, ears) -> Board:
    """One that was switched on, heard from the beginning: later reports build on its first."""
    board = await admit(make_board(sensors=[DS18B20, BATTERY]))
    await wake(board, Cause.POWER)
    return board


async def test_a_list_that_works_is_kept_and_the_former_series_are_removed(board, ears):
    board.world |= {"i2c": {"0x44": "sht3x"}}
    await ears.say(board, "$config", {"version": 4, "sensors": [SHT, BATTERY]})
    await wake(board)
    assert board.settings["sensors"] == [SHT, BATTERY]
    await ears.mark()
    assert [report.config for report in ears.reports(board)] == [0, 0, 4]
    assert len(ears.whole_reports(board)) == 2
    assert "problems" not in ears.reports(board)[-1].raw
    # TemperatureSensor is the SHT's now; nothing is no more.
    assert b"" not in ears.payloads(board.topic + "TemperatureSensor/CurrentTemperature")
    await wake(board)
    await ears.mark()
    assert values(ears.batches(board)[-1], board) == {
        "TemperatureSensor/CurrentTemperature": pytest.approx(20.5, abs=0.01),
        "HumiditySensor/CurrentRelativeHumidity": pytest.approx(45, abs=0.01),
        "BatteryService/BatteryLevel": 59,
    }
    await ears.say(board, "$config", {"version": 5, "sensors": [DS18B20]})
    await wake(board)
    await ears.mark()
    assert board.settings["sensors"] == [DS18B20]
    gone = [one.topic.removeprefix(board.topic) for one in ears.got if not one.payload]
    assert sorted(gone) == [
        "BatteryService/BatteryLevel",
        "BatteryService/StatusLowBattery",
        "HumiditySensor/CurrentRelativeHumidity",
    ]


@pytest.mark.parametrize(
    ("sensors", "says"),
    [
        ([DS18B20, SHT], "sht3x: not found at 0x44 on D2/D1: wiring? (GPIO4/GPIO5)"),
        ([{"driver": "sht9x"}], "sht9x: unknown driver"),
        ([{"driver": "dht22"}], "dht22: its setting pin is missing"),
        ([{"driver": "dht22", "pin": 6}], "dht22: 6 is no pin for it"),
        ("dht22", "not a list of sensors"),
        ([BATTERY] * 13, "more than 12"),
    ],
    ids=["absent", "unknown", "without a pin", "the flash's pin", "no list", "too many"],
)
async def test_a_list_that_cannot_work_leaves_the_former_one(board, ears, sensors, says):
    await ears.say(board, "$config", {"version": 4, "interval": 60, "sensors": sensors})
    await wake(board)
    assert board.settings["sensors"] == [DS18B20, BATTERY]
    assert (board.settings["config"], board.settings["interval"]) == (4, 60)
    await ears.mark()
    assert ears.reports(board)[-1].raw["problems"] == [f"setting sensors: {says}"]
    written = board.flash_writes
    await wake(board)
    await ears.mark()
    assert "problems" not in ears.reports(board)[-1].raw
    assert board.flash_writes == written


async def test_a_sensor_that_failed_before_keeps_no_other_out(board, ears):
    board.world |= {"missing": ["ds18b20"], "i2c": {"0x44": "sht3x"}}
    await ears.say(board, "$config", {"version": 4, "sensors": [DS18B20, SHT]})
    await wake(board)
    assert board.settings["sensors"] == [DS18B20, SHT]


async def test_a_list_that_hangs_the_device_is_tried_once(board, ears):
    board.world |= {"hang": ["dht22"], "watchdog_ms": 1500}
    await ears.say(board, "$config", {"version": 4, "sensors": [{"driver": "dht22", "pin": 14}]})
    await wake(board, status=RESET)
    await wake(board, Cause.WATCHDOG)
    await wake(board)
    await ears.mark()
    (problem,) = ears.reports(board)[-1].raw["problems"]
    assert problem == "setting sensors: the device did not survive trying them"
    assert board.settings["sensors"] == [DS18B20, BATTERY]
    # Values went out in every wake all the same, the first included.
    assert len(ears.batches(board)) == 4


async def test_a_device_that_stays_awake_restarts_with_other_sensors(make_board, admit, ears):
    board = await admit(make_board(switch=SWITCH, sensors=[BATTERY], interval=1))
    await ears.say(board, "$config", {"version": 2, "sensors": [DS18B20]})
    await wake(board, Cause.POWER, RESET)
    await ears.mark()
    assert ears.reports(board)[-1].config == 2
    temperature = board.topic + "TemperatureSensor/CurrentTemperature"
    async with running(board):
        await until(lambda: bool(ears.payloads(temperature)))
    assert ears.payloads(temperature)[0] == b"20.5"


async def test_a_contact_wakes_by_reset_and_the_device_never_sleeps_a_chain(
    make_board, admit, ears
):
    board = await admit(make_board(sensors=[{"driver": "contact", "pin": 14}], interval=6 * 3600))
    for level, cause in ((0, Cause.POWER), (1, Cause.HARD), (0, Cause.DEEPSLEEP)):
        board.world["pins"] = {"14": level}
        ended = await board.wake(cause)
        assert ended.sleep_us == pytest.approx(4200e6, rel=0.01)
    await ears.mark()
    assert ears.values(board, "ContactSensor/ContactSensorState") == [0, 1, 0]
    assert ears.reports(board)[-1].next_wake_s == 4200


async def test_motion_is_looked_at_again_soon(make_board, admit, ears):
    board = await admit(make_board(sensors=[{"driver": "motion", "pin": 14}]))
    for level, seconds in ((1, 60), (0, 300)):
        board.world["pins"] = {"14": level}
        ended = await board.wake(Cause.HARD)
        assert ended.sleep_us == pytest.approx(seconds * 1e6, rel=0.1)
    await ears.mark()
    assert ears.values(board, "MotionSensor/MotionDetected") == [1, 0]


async def test_carbon_dioxide_takes_its_time(make_board, admit, ears):
    board = await admit(make_board(sensors=[{"driver": "scd4x", "scl": 5, "sda": 4}]))
    board.world |= {"i2c": {"0x62": "scd4x"}, "values": {"carbon_dioxide": 1234}}
    await wake(board, Cause.POWER)
    await ears.mark()
    assert values(ears.batches(board)[-1], board) == {
        "CarbonDioxideSensor/CarbonDioxideLevel": 1234,
        "TemperatureSensor/CurrentTemperature": pytest.approx(20.5, abs=0.01),
        "HumiditySensor/CurrentRelativeHumidity": pytest.approx(45, abs=0.01),
    }
    assert ears.values(board, "CarbonDioxideSensor/CarbonDioxideDetected") == [1]
    board.settings["deadline_ms"] = 1000
    await board.wake()
    await ears.mark()
    assert len(ears.batches(board)) == 1


async def test_nothing_is_said_of_another_time(make_board, admit, ears):
    """What sensors hold from the wake before: a DHT22's answer, a conversion that was not begun."""
    board = await admit(make_board(sensors=[{"driver": "dht22", "pin": 14}, DS18B20]))
    board.world |= {"convert_ms": 0, "values": {"temperature": 20}}
    await wake(board, Cause.POWER)
    board.world |= {"values": {"temperature": -12.5}, "dht_twos_complement": True}
    # It was asked hours ago.
    chips = board.folder / "chips.json"
    held = json.loads(chips.read_text())
    held["dht22"]["at"] = 0
    chips.write_text(json.dumps(held))
    await wake(board)
    await ears.mark()
    assert [values(batch, board) for batch in ears.batches(board)[:2]] == [
        {
            "TemperatureSensor/CurrentTemperature": degrees,
            "HumiditySensor/CurrentRelativeHumidity": 45,
            "TemperatureSensor/1/CurrentTemperature": degrees,
        }
        for degrees in (20, -12.5)
    ]


ENTRIES = (
    *({"driver": name, "scl": 5, "sda": 4} for name in (
        "aht10", "aht20", "bh1750", "bme280", "bmp280", "scd4x", "sht3x", "sht4x",
    )),
    *({"driver": name, "pin": 14} for name in ("contact", "dht22", "ds18b20", "motion")),
    *({"driver": name} for name in ("battery", "pms5003", "sds011", "soil")),
)  # fmt: skip
_SERIES = """
from dormouse.sensors import DRIVERS, Sensors
import json, sys
def say(entry):
    sensors = Sensors([entry])
    assert not sensors.problems, sensors.problems
    return [[s.service, s.characteristic, s.decimals, s.lowest, s.highest] for s in sensors.series]
print(json.dumps({entry["driver"]: say(entry) for entry in %r}))
print(json.dumps(DRIVERS))
"""


async def test_every_driver_measures_what_homekit_knows(make_board):
    ended = await make_board().wake(typed=_SERIES % (ENTRIES,))
    assert ended.status == 0, ended.console
    series, drivers = (json.loads(line) for line in ended.console.splitlines())
    assert sorted(series) == sorted(drivers)
    for driver, measured in series.items():
        for service, name, decimals, lowest, highest in measured:
            characteristic = CHARACTERISTICS[name]
            known = SERVICES[service]
            assert name in (*known.required, *known.optional), (driver, service, name)
            said = parse(f"HomeKit/esp_1/{service}/{name}", str(round(highest)).encode())
            assert isinstance(said, StateValue), (driver, said)
            if characteristic.format not in ("float", "bool"):
                assert decimals == 0, (driver, name)
            # Below zero is no temperature of HAP's own; the hub widens that.
            if name != "CurrentTemperature":
                assert lowest >= (characteristic.minimum or 0), (driver, name)
                assert characteristic.maximum is None or highest <= characteristic.maximum
