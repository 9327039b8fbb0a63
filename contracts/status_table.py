"""What `dormouse status` shows: devices, where they are, last values, how old they are, battery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from contracts.homekit.quantities import quantity, shown
from contracts.reading import SeriesKey
from contracts.show import age, volts

__all__ = ["battery", "status_table", "status_view"]

_NARROW = 80  # columns of a terminal
_LEAST = 60  # columns of the table: with fewer it is hard to read
# What a battery says of itself stands in a column of its own.
_BATTERY = "BatteryService"
_LOW = "StatusLowBattery"
_NONE_YET = (
    "no devices yet: the dashboard's page Add device says how one gets here, `dormouse provision` "
    "does it by cable, `dormouse twin` makes virtual ones to try"
)
_OLDER_S = 600.0  # than what was last heard of its device: a value that says so


def status_table(status: Mapping[str, Any], now: datetime | None = None) -> Table:
    """The answer of the hub's /api/status as a table, a row a device, a line a value.

    It fits 80 columns whatever things are called: names are folded, not cut.
    """
    now = now or datetime.now(UTC)
    devices = sorted(status["devices"], key=_order)
    called = Counter(device["name"] for device in devices)
    placed = any(device.get("place_path") for device in devices)
    powered = any(battery(device) for device in devices)
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    _column(table, "device", most=_NARROW * 3 // 10)
    if placed:
        _column(table, "place", most=_NARROW // 4)
    _column(table, "value", least=12)
    _column(table, "heard", "right", wraps=False)
    if powered:
        _column(table, "battery", "right", wraps=False)
    for device in devices:
        row: list[Text] = [_named(device, alone=called[device["name"]] == 1)]
        if placed:
            row.append(Text(" / ".join(device.get("place_path") or ())))
        row += [_values(device, now), Text(age(_instant(device["seen"]), now))]
        if powered:
            row.append(Text(battery(device), "red" if _is_low(device) else ""))
        table.add_row(*row)
    return table


def status_view(
    status: Mapping[str, Any], width: int, now: datetime | None = None
) -> RenderableType:
    """The table where it fits so many columns; else a device below the other, line by line.

    Without devices, what makes the first.
    """
    if not status["devices"]:
        return Text(_NONE_YET)
    if width >= _LEAST:
        return status_table(status, now)
    now = now or datetime.now(UTC)
    devices = sorted(status["devices"], key=_order)
    called = Counter(device["name"] for device in devices)
    lines: list[Text] = []
    for device in devices:
        where = " / ".join(device.get("place_path") or ())
        heading = _named(device, alone=called[device["name"]] == 1)
        heading.stylize("bold")
        lines.append(heading.append(f", {where}" if where else "", "not bold"))
        lines += [Text(f"  {one}") for one in _values(device, now).plain.splitlines()]
        charge = battery(device)
        heard = Text(f"  heard {_ago(_instant(device['seen']), now)}")
        if charge:
            heard.append(", battery ").append(charge, "red" if _is_low(device) else "")
        lines.append(heard)
    # An id that is cut cannot be copied.
    return Text("\n", overflow="fold").join(lines)


def _ago(instant: datetime | None, now: datetime) -> str:
    return "never" if instant is None else f"{age(instant, now)} ago"


def battery(device: Mapping[str, Any]) -> str:
    """`91 % 3.13 V`, as far as the device said it."""
    percent, millivolts = device.get("battery_percent"), device.get("battery_mv")
    parts = [] if percent is None else [f"{percent:.0f} %"]
    parts += [volts(millivolts)] if millivolts else []
    return " ".join(parts)


def _column(
    table: Table,
    heading: str,
    justify: Literal["left", "right"] = "left",
    *,
    least: int | None = None,
    most: int | None = None,
    wraps: bool = True,
) -> None:
    # An id that is cut cannot be copied.
    table.add_column(
        heading,
        justify=justify,
        overflow="fold",
        no_wrap=not wraps,
        min_width=least,
        max_width=most,
    )


def _order(device: Mapping[str, Any]) -> tuple[Sequence[str], str, str]:
    name = str(device["name"] or device["id"])
    return [place.casefold() for place in device.get("place_path") or ()], name.casefold(), name


def _named(device: Mapping[str, Any], *, alone: bool) -> Text:
    """Its name, with its id where others are called so too; the id where nobody named it.

    HomeKit, which allows no underscores in names, has such a device under its id without them.
    """
    name, id_ = str(device["name"] or ""), str(device["id"])
    if not name or _letters(name) == _letters(id_):
        return Text(id_)
    return Text(name if alone else f"{name} ({id_})")


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _is_low(device: Mapping[str, Any]) -> bool:
    return any(v["characteristic"] == _LOW and v["value"] == 1 for v in device["values"])


def _values(device: Mapping[str, Any], now: datetime) -> Text:
    """A line a value, with its age where the device was heard long after it."""
    heard = _instant(device["seen"])
    lines = []
    for value in device["values"]:
        if value["service"] == _BATTERY:
            continue
        kind = quantity(
            SeriesKey(device["id"], value["service"], value["index"], value["characteristic"])
        )
        if value["characteristic"] == _LOW:
            continue
        at = _instant(value["at"])
        old = ""
        if at is not None and heard is not None and (heard - at).total_seconds() > _OLDER_S:
            old = f" ({age(at, now)})"
        lines.append(f"{kind.label} {shown(value['value'], kind)}{old}")
    return Text("\n".join(lines) or "no value yet")


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
