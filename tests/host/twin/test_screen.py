"""The demonstration's picture fits the terminal, with code and link in sight."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.live import Live

from contracts.qr import terminal
from host.twin.screen import DemoScreen
from tests.contracts.test_status_table import CLIMATE, device

FACTS = {
    "setup_uri": "X-HM://0023ISYWYABCD", "pairing_code": "123-45-678", "host": "0.0.0.0",
    "http_port": 8080, "mqtt_port": 1883, "enrol_port": 1884, "hap_port": 51826,
    "data_dir": "/var/lib/dormouse/demo/hub",
}  # fmt: skip
LINK = "http://192.168.1.7:8080/join/" + "a1B2" * 11
CODE = len(terminal(FACTS["setup_uri"]).splitlines())
STATUS = {
    "devices": [
        device(1, "esp8266 fc000000", *CLIMATE, battery_mv=3130, battery_percent=91),
        device(2, "esp8266 fc040000", *CLIMATE, battery_mv=3130, battery_percent=73),
        device(3, "esp8266 fc0c0000", ("Switch", "On", False)),
    ]
}


def picture(width: int, height: int, link: str | None = LINK) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, no_color=True,
                      legacy_windows=False)  # fmt: skip
    drawn = DemoScreen(FACTS, link).draw(console, STATUS)
    with Live(drawn, console=console, auto_refresh=False, screen=True) as live:
        shown = console.render_lines(live.get_renderable(), console.options, pad=False)
    return ["".join(part.text for part in line if not part.control) for line in shown]


@pytest.mark.parametrize("size", [(80, 24), (80, 25), (100, 30), (132, 43), (200, 60), (60, 20),
                                  (40, 12)])  # fmt: skip
def test_code_link_and_values_are_in_sight(size):
    width, height = size
    lines = picture(*size)
    assert max(map(cell_len, lines)) <= width
    text = "\n".join(lines[:height])
    assert "123-45-678" in text
    assert LINK in "".join("".join(line[CODE * 2:] if "█" in line else line).strip()
                           for line in lines)  # fmt: skip
    for value in ("20.1 °C", "Switch off") if height > 12 else ("20.1 °C",):
        assert value in text
    if width >= 80:
        assert sum(bool({"█", "▀", "▄"} & set(line)) for line in lines[:height]) == CODE


def test_the_dashboard_where_the_first_link_is_used_up():
    assert any("http://" in line and ":8080/" in line for line in picture(80, 24, None))
