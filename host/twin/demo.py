"""The whole system on one machine: a hub as our child and three virtual sensors."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from contracts.banner import banner
from contracts.status_table import status_table
from host.twin import firmware
from host.twin.fleet import Fleet
from host.twin.hub import HubAddress
from host.twin.hubchild import HubChild
from host.twin.kinds import TwinKind, expected
from host.twin.register import twin_folder
from host.twin.twin import Twin

__all__ = ["run"]

SENSORS = (TwinKind.DS18B20, TwinKind.BME280, TwinKind.SWITCH)
INTERVAL_S = 5.0
_ONCE_S = 60.0
_PERIOD_S = 0.5  # of the table in the terminal


def missing(
    twins: Iterable[Twin], kinds: Iterable[TwinKind], status: Mapping[str, Any]
) -> list[str]:
    """What the hub's status does not have yet of these devices, a line each."""
    received = {
        (device["id"], value["service"], value["characteristic"])
        for device in status["devices"]
        for value in device["values"]
    }
    return [
        f"{twin.id} ({kind}): {service}/{characteristic}"
        for twin, kind in zip(twins, kinds, strict=True)
        for service, characteristic in expected(kind)
        if (twin.id, service, characteristic) not in received
    ]


class _Lines:
    """For output that is not a terminal: a line per new value."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[tuple[str, ...], str] = {}

    def show(self, status: Mapping[str, Any]) -> None:
        for device in status["devices"]:
            for value in device["values"]:
                name = f"{value['service']}/{value['index']}/{value['characteristic']}"
                key = (device["id"], name)
                if self._shown.get(key) != value["at"]:
                    self._shown[key] = value["at"]
                    line = f"{value['at']} {device['id']} {name} {value['value']}"
                    self._console.print(line, highlight=False, soft_wrap=True)


async def run(folder: Path, *, once: bool, seconds: float | None) -> int:
    """Run hub and sensors until Ctrl-C; the exit status.

    `once` ends it as soon as the hub has a value of every sensor: 0, or 1 when that took longer
    than `seconds` (60 without), with what is missing on standard error.
    """
    console = Console()
    console.print(f"starting a hub on {folder}", highlight=False, soft_wrap=True)
    limit = _ONCE_S if once and seconds is None else seconds
    with _twin_folder(folder) as first_chip:
        built = await asyncio.to_thread(firmware.compile_to, folder / "firmware")
        async with HubChild(folder / "hub") as hub:
            banner(console, hub.facts, await hub.first_link())
            async with Fleet(
                HubAddress.of(hub.facts),
                built,
                folder / "twins",
                SENSORS,
                interval=INTERVAL_S,
                first_chip=first_chip,
                keep=True,
            ) as fleet:
                lacking = await _show(console, hub, fleet, once=once, limit=limit)
    for line in lacking if once else []:
        print(f"dormouse: no value of {line}", file=sys.stderr)
    return 1 if once and lacking else 0


def _twin_folder(folder: Path) -> AbstractContextManager[int]:
    """Make the folders and hold them; the first chip id."""
    # The hub's children may run as another user below it.
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    return twin_folder(folder / "twins")


async def _show(
    console: Console, hub: HubChild, fleet: Fleet, *, once: bool, limit: float | None
) -> list[str]:
    """Show the values until the end; what is missing then."""
    loop = asyncio.get_running_loop()
    until = None if limit is None else loop.time() + limit
    lines = _Lines(console)
    screen = Live(console=console, auto_refresh=False) if console.is_terminal else None
    with screen or contextlib.nullcontext():
        while True:
            status = await hub.status()
            if screen is not None:
                screen.update(status_table(status), refresh=True)
            else:
                lines.show(status)
            lacking = missing(fleet.twins, SENSORS, status)
            late = until is not None and loop.time() >= until
            if late or (once and not lacking):
                return lacking
            await asyncio.sleep(_PERIOD_S)
