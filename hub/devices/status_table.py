"""What `dormouse status` shows: devices, last values, how old they are, battery."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from rich.markup import escape
from rich.table import Table

__all__ = ["age", "status_table"]

# HAP's names of quantities are long; people read values with their unit.
UNITS = {
    "CurrentTemperature": "°C",
    "CurrentRelativeHumidity": "%",
    "BatteryLevel": "%",
    "AirPressure": "hPa",
}


def age(since: str | None, now: datetime) -> str:
    """How long ago an ISO 8601 instant is, in the largest whole unit: `12 s`, `5 min`, `3 h`."""
    if since is None:
        return "never"
    seconds = max(0, int((now - datetime.fromisoformat(since)).total_seconds()))
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def status_table(status: dict[str, Any]) -> Table:
    """The hub's /status as a table, a row per value."""
    table = Table(title="Dormouse")
    for heading in ("device", "what", "value", "age", "seen", "battery"):
        justify: Literal["left", "right"] = "right" if heading in {"value", "age"} else "left"
        # An id that is cut cannot be copied.
        table.add_column(heading, justify=justify, no_wrap=heading == "device")
    now = datetime.now(UTC)
    for device in status["devices"]:
        named = f"{device['name']} ({device['id']})" if device["name"] else device["id"]
        head = [escape(named)]
        millivolts = device.get("battery_mv")
        tail = [age(device["seen"], now), f"{millivolts / 1000:.2f} V" if millivolts else "-"]
        for value in device["values"] or [None]:
            table.add_row(*head, *_value_cells(value, now), *tail)
            head, tail = [""], ["", ""]
    return table


def _value_cells(value: dict[str, Any] | None, now: datetime) -> list[str]:
    if value is None:
        return ["", "no value yet", ""]
    what = value["characteristic"]
    if value["index"]:
        what += f" {value['index']}"
    unit = UNITS.get(value["characteristic"], "")
    return [what, escape(f"{value['value']} {unit}".strip()), age(value["at"], now)]
