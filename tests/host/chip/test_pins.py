"""The real port's pins on the emulated chip: its I2C, 1-Wire and DHT read sensors; a button."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from host.chip.machine import EmulatedChip, Ended, Typed
from host.chip.stations import LIMITS, Station, over
from host.chip.surroundings import ChipSurroundings
from host.chip.twin import typed_settings
from host.chip.wiring import Wiring
from host.twin.world import World
from tests.host.chip.conftest import PATIENT, Bench, device_settings, needs_build, run

pytestmark = [needs_build, PATIENT]

PORTAL, SERVING = "portal: join", "ota: serving on port 8266"
MakeChip = Callable[..., EmulatedChip]
ROOM: dict[str, Any] = {
    "values": {
        "temperature": 25.0625,
        "humidity": 65.2,
        "pressure": 1000.0,
        "light": 320,
        "carbon_dioxide": 650,
    },
    "i2c": {"0x23": "bh1750", "0x38": "aht20", "0x44": "sht3x", "0x62": "scd4x"},
    "pins": {"12": 0},
}
BUS = {"scl": 5, "sda": 4}
WARM, WET = "TemperatureSensor/CurrentTemperature", "HumiditySensor/CurrentRelativeHumidity"
PRESSURE = "AirPressureSensor/AirPressure"


def sense(chip: EmulatedChip, entries: list[dict[str, Any]], **world: object) -> Any:
    """What the drivers measure at the prompt of a device without settings: [values, problems]."""
    chip.wiring = Wiring(entries, World(ROOM).changed(**world))
    lines = ["import machine", "from dormouse.sensors import Sensors"]
    lines += ["from dormouse.wake import measure", "from dormouse.deadline import Deadline"]
    lines += [f"l=[{entries[0]}]", *(f"l.append({entry})" for entry in entries[1:])]
    lines += ["s=Sensors(l)", "r=measure(s,Deadline(10000))"]
    lines += ["print([[[s.series[i].name,v] for i,v in r],s.problems]);machine.reset()"]
    typed = [(PORTAL, "\x03"), *((">>> ", f"{line}\r") for line in lines)]
    ended = run(chip, typed=Typed(typed))
    assert ended.ended is Ended.RESTART, ended.said
    (said,) = [line for line in ended.said.splitlines() if line.startswith("[[")]
    return ast.literal_eval(said)


# One run for all of them: a start from an empty flash is what takes the time.
ATTACHED: list[dict[str, Any]] = [
    {"driver": "ds18b20", "pin": 14},
    {"driver": "dht22", "pin": 13},
    {"driver": "bme280", **BUS},
    {"driver": "sht3x", **BUS},
    {"driver": "aht20", **BUS},
    {"driver": "bh1750", **BUS},
    {"driver": "contact", "pin": 12},
    {"driver": "contact", "pin": 2},
]
EXPECTED = {
    WARM: (25.0625, 0),
    WARM.replace("/", "/1/"): (25.1, 0.01),
    WET: (65.2, 0.01),
    WARM.replace("/", "/2/"): (25.0625, 0.01),
    WET.replace("/", "/1/"): (65.2, 0.05),
    "AirPressureSensor/AirPressure": (1000, 0.1),
    WARM.replace("/", "/3/"): (25.0625, 0.01),
    WET.replace("/", "/2/"): (65.2, 0.01),
    WARM.replace("/", "/4/"): (25.0625, 0.01),
    WET.replace("/", "/3/"): (65.2, 0.01),
    "LightSensor/CurrentAmbientLightLevel": (320, 1),
    "ContactSensor/ContactSensorState": (0, 0),
    "ContactSensor/1/ContactSensorState": (1, 0),
}


def test_sensors_are_read(bench: Bench, make_chip: MakeChip) -> None:
    values, problems = sense(make_chip(bench.parts.flash()), ATTACHED)
    assert problems == []
    assert {name for name, _ in values} == set(EXPECTED)
    for name, value in values:
        wanted, within = EXPECTED[name]
        assert abs(value - wanted) <= within + 1e-4, (name, value)


@pytest.mark.parametrize(
    ("world", "words"),
    [
        (
            {"missing": ["ds18b20", "dht22", "bme280"]},
            ["no sensor answers on D5", "no answer on D7", "not found at 0x76"],
        ),
        (
            {"pins": {"14": 0, "13": 0}, "i2c_line": "sda"},
            ["held low", "no answer on D7", "SDA held"],
        ),
        ({"missing": ["ds18b20", "dht22"], "i2c_line": "scl"}, ["D5", "D7", "is held low"]),
    ],
    ids=["missing", "held", "clock"],
)
def test_what_does_not_answer_is_named(
    bench: Bench, make_chip: MakeChip, world: dict[str, Any], words: list[str]
) -> None:
    values, problems = sense(make_chip(bench.parts.flash()), ATTACHED[:3], **world)
    assert values == []
    for entry, part in zip(ATTACHED[:3], words, strict=True):
        assert any(one.startswith(entry["driver"]) and part in one for one in problems), problems


def test_a_wake_with_sensors_keeps_its_budgets(bench: Bench, make_chip: MakeChip) -> None:
    sensors: list[dict[str, Any]] = [
        {"driver": "bme280", **BUS},
        {"driver": "ds18b20", "pin": 14},
        {"driver": "battery"},
    ]
    chip = make_chip(bench.parts.flash())
    chip.wiring = Wiring(sensors, World(ROOM))
    typed = typed_settings(device_settings(bench.port, sensors))
    assert run(chip, typed=Typed(typed)).ended is Ended.RESTART
    # It has the most to do: it enrols, finds the broker, asks for the lease.
    first = Station.of("first wake with sensors", run(chip), bench.parts.linked)
    print(*first.cells())
    assert first.run.ended is Ended.ASLEEP
    assert first.heap is not None
    assert first.heap.free >= LIMITS.heap_free
    # What waits looks at the clock meanwhile, 80 instructions a microsecond.
    limits = replace(LIMITS, instructions=LIMITS.instructions + 80 * 850_000)
    for number in range(2):
        wake = Station.of(f"wake {number} with sensors", run(chip), bench.parts.linked)
        print(*wake.cells())
        assert wake.run.ended is Ended.ASLEEP
        assert wake.run.said.strip() == ""
        assert wake.run.us >= 750_000  # the DS18B20's conversion
        assert list(over(wake, limits)) == []


def test_a_button_held_after_power_on_opens_the_portal(make_chip: MakeChip) -> None:
    chip = make_chip()
    chip.wiring = Wiring()
    chip.surroundings = ChipSurroundings()  # nothing on the air: the wake takes longer
    chip.wiring.press(0, 3_300_000, 8_000_000)
    held = run(chip)
    assert held.ended is Ended.RESTART, held.said
    assert PORTAL in run(chip, until=lambda said: PORTAL in said).said


def test_a_button_pressed_for_a_moment_does_not(make_chip: MakeChip) -> None:
    chip = make_chip()
    chip.wiring = Wiring()
    chip.wiring.press(0, 3_300_000, 3_900_000)
    assert run(chip).ended is Ended.ASLEEP


def test_a_button_pressed_while_the_bootloader_watches_starts_the_server(
    make_chip: MakeChip,
) -> None:
    chip = make_chip()
    chip.wiring = Wiring()
    chip.wiring.press(0, 1_000_000, 1_200_000)
    said = run(chip, until=lambda said: SERVING in said).said
    assert "boot: reason 3" in said
    assert SERVING in said
