"""What `dormouse status` shows: devices, last values, how old they are, battery."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from rich.markup import escape
from rich.table import Table

from contracts.homekit.quantities import quantity, shown
from contracts.reading import SeriesKey
from contracts.show import age, volts

__all__ = ["status_table"]


def status_table(status: dict[str, Any]) -> Table:
    """The answer of the hub's /api/status as a table, a row a value."""
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
        tail = [age(_instant(device["seen"]), now), volts(millivolts) if millivolts else "-"]
        for value in device["values"] or [None]:
            table.add_row(*head, *_value_cells(device["id"], value, now), *tail)
            head, tail = [""], ["", ""]
    return table


def _value_cells(device: str, value: dict[str, Any] | None, now: datetime) -> list[str]:
    if value is None:
        return ["", "no value yet", ""]
    kind = quantity(SeriesKey(device, value["service"], value["index"], value["characteristic"]))
    text = escape(shown(value["value"], kind))
    return [kind.label, text, age(_instant(value["at"]), now)]


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
