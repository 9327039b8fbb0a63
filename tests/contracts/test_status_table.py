"""The table of devices: 80 columns whatever things are called, nothing cut, no markup read."""

from __future__ import annotations

import io
import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console

from contracts.qr import terminal
from contracts.show import age
from contracts.status_table import battery, status_table, status_view
from host.cli import COMMANDS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LETTERS = "aé z-'[]/東京センサー한국어🥶🏡ßЖ٣"


def device(number: int, name: str | None, *values: tuple[str, str, object], **facts: object):
    return {
        "id": f"esp8266_{number:08x}", "name": name, "place_path": [], "battery_mv": None,
        "battery_percent": None, "seen": (NOW - timedelta(seconds=5)).isoformat(),
        "values": [
            {"service": s, "index": 0, "characteristic": c, "value": v,
             "at": (NOW - timedelta(seconds=5)).isoformat()}
            for s, c, v in values
        ],
        **facts,
    }  # fmt: skip


def drawn(*devices: dict, width: int = 80, **console: object) -> str:
    out = io.StringIO()
    Console(file=out, width=width, **console).print(status_table({"devices": devices}, NOW))
    return out.getvalue()


CLIMATE = (
    ("TemperatureSensor", "CurrentTemperature", 20.125),
    ("HumiditySensor", "CurrentRelativeHumidity", 49.6),
    ("BatteryService", "BatteryLevel", 91),
    ("BatteryService", "StatusLowBattery", 0),
)


def test_what_stands_in_a_row():
    text = drawn(
        device(1, "Cellar", *CLIMATE, place_path=["House", "Ground"], battery_mv=3130,
               battery_percent=91),
        device(2, None),
    )  # fmt: skip
    assert [line.split() for line in text.splitlines()] == [
        ["device", "place", "value", "heard", "battery"],
        [text.splitlines()[1].strip()],
        ["esp8266_00000002", "no", "value", "yet", "5", "s"],
        ["Cellar", "House", "/", "Ground", "Temperature", "20.1", "°C", "5", "s", "91", "%",
         "3.13", "V"],
        ["Relative", "humidity", "49.6", "%"],
    ]  # fmt: skip


def test_any_names_any_number_of_values():
    chance = random.Random(20)
    devices = []
    for number in range(60):
        name = "".join(chance.choices(LETTERS, k=chance.randrange(1, 90)))
        place = ["".join(chance.choices(LETTERS, k=chance.randrange(1, 60)))
                 for _ in range(chance.randrange(4))]  # fmt: skip
        values = [CLIMATE[0]] * chance.randrange(40)
        devices.append(device(number, name, *values, place_path=place, battery_mv=3300,
                              battery_percent=100))  # fmt: skip
    text = drawn(*devices)
    assert max(map(cell_len, text.splitlines())) <= 80
    assert text.count("°C") == sum(len(one["values"]) for one in devices)
    assert text.count("100 % 3.30 V") == 60


def test_a_name_is_folded_not_cut_and_never_markup():
    name = "[red]" + "東京都千代田区の地下室センサー" * 4 + "[/red]"
    cells = [line[:40] for line in drawn(device(1, name, place_path=["x"])).splitlines()]
    assert name in "".join(cell.split("  ")[0].strip() for cell in cells)


def test_two_of_a_name_have_their_ids():
    text = drawn(device(1, "Fridge"), device(2, "Fridge"), device(3, "Oven"))
    joined = "".join(text.split())
    assert "esp8266_00000001" in joined
    assert "esp8266_00000002" in joined
    assert "esp8266_00000003" not in joined


def test_a_value_older_than_its_device_says_so():
    old = device(1, "Door", ("ContactSensor", "ContactSensorState", 0))
    old["values"][0]["at"] = (NOW - timedelta(hours=5)).isoformat()
    assert "Contact closed (5 h)" in drawn(old)


@pytest.mark.parametrize(
    ("percent", "millivolts", "said"),
    [(91, 3130, "91 % 3.13 V"), (None, 2710, "2.71 V"), (5, None, "5 %"), (None, None, "")],
)
def test_battery(percent, millivolts, said):
    assert battery({"battery_percent": percent, "battery_mv": millivolts}) == said


def test_a_low_battery_is_red_and_without_colours_plain(monkeypatch):
    low = device(1, "Cellar", ("BatteryService", "StatusLowBattery", 1), battery_mv=2000)
    assert "\x1b[31m 2.00 V" in drawn(low, force_terminal=True, color_system="standard")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in drawn(low, force_terminal=True, color_system="standard")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (120, "2 min"), (7200, "2 h"), (172800, "2 days"), (-5, "0 s")],
)
def test_age_is_in_a_unit_that_is_not_too_coarse(seconds, text):
    assert age(NOW - timedelta(seconds=seconds), NOW) == text


def test_age_of_a_device_never_seen():
    assert age(None, NOW) == "never"
    assert "never" in drawn(device(1, None, seen=None))


def test_values_of_one_kind_are_told_apart():
    one = device(1, "Cellar", CLIMATE[0], CLIMATE[0])
    one["values"][1]["index"] = 1
    assert "Temperature 2 20.1 °C" in drawn(one)  # as pages and sentences call it


def test_the_qr_code_is_square_with_a_light_edge():
    lines = terminal("X-HM://0023ISYWYABCD").split("\n")
    assert set(lines[0]) == {"█"}
    assert abs(len(lines) * 2 - len(lines[0])) <= 1
    assert all(len(line) == len(lines[0]) for line in lines)


def test_what_nobody_named_stands_under_its_id_to_be_copied():
    """HomeKit has it without the underscore."""
    shown = drawn(device(1, "esp8266 00000001"))
    assert "esp8266_00000001" in shown


@pytest.mark.parametrize("width", [40, 80])
def test_without_devices_it_says_what_makes_the_first(width):
    out = io.StringIO()
    Console(file=out, width=width).print(status_view({"devices": []}, width, NOW))
    said = " ".join(out.getvalue().split())
    assert said.startswith("no devices yet: ")
    for command in re.findall("`dormouse (.+?)`", said):
        assert command in COMMANDS
    assert "`dormouse provision`" in said
