from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from contracts.qr import terminal
from contracts.show import age
from contracts.status_table import status_table

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (120, "2 min"), (7200, "2 h"), (172800, "2 days"), (-5, "0 s")],
)
def test_age_is_in_a_unit_that_is_not_too_coarse(seconds, text):
    assert age(NOW - timedelta(seconds=seconds), NOW) == text


def test_age_of_a_device_never_seen():
    assert age(None, NOW) == "never"


def test_the_table_has_a_row_per_value_and_names_a_silent_device():
    value = {
        "service": "TemperatureSensor",
        "index": 1,
        "characteristic": "CurrentTemperature",
        "value": 20.125,
        "at": datetime.now(UTC).isoformat(),
    }
    devices = [
        {
            "id": "cellar",
            "name": "Cellar",
            "values": [value],
            "seen": value["at"],
            "battery_mv": 2980,
        },
        {"id": "esp8266_1", "name": None, "values": [], "seen": None, "battery_mv": None},
    ]
    console = Console(width=120)
    with console.capture() as capture:
        console.print(status_table({"devices": devices}))
    text = capture.get()
    assert "Temperature 2" in text  # as pages and sentences call it
    assert "20.1 °C" in text
    assert "2.98 V" in text
    assert "no value yet" in text
    assert "never" in text


def test_the_qr_code_is_square_with_a_light_edge():
    lines = terminal("X-HM://0023ISYWYABCD").split("\n")
    assert set(lines[0]) == {"█"}
    assert abs(len(lines) * 2 - len(lines[0])) <= 1
    assert all(len(line) == len(lines[0]) for line in lines)
