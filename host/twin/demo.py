"""The whole system on one machine: a hub as our child and three virtual sensors."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from rich.console import Console, RenderableType
from rich.live import Live

from contracts.banner import banner
from host.twin import firmware, vm
from host.twin.fleet import Fleet
from host.twin.hub import HubAddress
from host.twin.hubchild import HubChild
from host.twin.kinds import TwinKind, expected
from host.twin.register import twin_folder
from host.twin.screen import DemoScreen
from host.twin.twin import Twin

__all__ = ["run"]

SENSORS = (TwinKind.DS18B20, TwinKind.BME280, TwinKind.SWITCH)
INTERVAL_S = 5.0
# s, and in starts of a hub: on an emulated processor everything takes a hundred times as long.
_ONCE_S, _ONCE_STARTS = 60.0, 6.0
# What is for a terminal alone: the output of a program becomes somebody's log.
_SECRET = {"pairing_code", "setup_uri"}
_PERIOD_S = 0.5  # of the table in the terminal


def missing(
    twins: Iterable[Twin],
    kinds: Iterable[TwinKind],
    status: Mapping[str, Any],
    since: datetime | None = None,
) -> list[str]:
    """What the hub's status does not have of these devices since then, a line each."""
    received = {
        (device["id"], value["service"], value["characteristic"])
        for device in status["devices"]
        for value in device["values"]
        if since is None or datetime.fromisoformat(value["at"]) >= since
    }
    return [
        f"{twin.id} ({kind}): {service}/{characteristic}"
        for twin, kind in zip(twins, kinds, strict=True)
        for service, characteristic in expected(kind)
        if (twin.id, service, characteristic) not in received
    ]


class _Lines:
    """For output that is not a terminal, and for programs: a line per new value."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console, self._as_json = console, as_json
        self._shown: dict[tuple[str, ...], str] = {}

    def show(self, status: Mapping[str, Any]) -> None:
        for device in status["devices"]:
            for value in device["values"]:
                name = f"{value['service']}/{value['index']}/{value['characteristic']}"
                key = (device["id"], name)
                if self._shown.get(key) != value["at"]:
                    self._shown[key] = value["at"]
                    if self._as_json:
                        print(json.dumps({"device": device["id"], **value}), flush=True)
                        continue
                    line = f"{value['at']} {device['id']} {name} {value['value']}"
                    self._console.print(line, highlight=False, soft_wrap=True)


async def run(
    folder: Path,
    *,
    once: bool,
    seconds: float | None,
    machine: vm.Machine = vm.Machine.MICROPYTHON,
    as_json: bool = False,
) -> int:
    """Run hub and sensors until Ctrl-C; the exit status.

    `once` ends it as soon as the hub has a value of every sensor: 0, or 1 when that took longer
    than `seconds` (without: 60, or six times what the hub took to start), with what is missing on
    standard error. `as_json`: an object a line, first what the hub says of itself.
    """
    console = Console(quiet=as_json)
    console.print(f"starting a hub on {folder}", highlight=False, soft_wrap=True)
    if said := vm.note(machine):
        console.print(said, highlight=False, soft_wrap=True)
    with _twin_folder(folder) as first_chip:
        built = await asyncio.to_thread(firmware.compile_to, folder / "firmware", machine=machine)

        def told(line: str) -> None:
            console.print(line, highlight=False, soft_wrap=True)

        async with HubChild(folder / "hub", told) as hub:
            limit = seconds
            if once and limit is None:
                limit = max(_ONCE_S, _ONCE_STARTS * hub.started_in)
            first_link = await hub.first_link()
            if as_json:
                facts = {n: v for n, v in hub.facts.items() if n not in _SECRET}
                print(json.dumps(facts), flush=True)
            screen = None
            if console.is_terminal and not console.is_dumb_terminal and not as_json:
                screen = DemoScreen(hub.facts, first_link, vm.note(machine), console.encoding)
            else:
                banner(console, hub.facts, first_link, open_code=True)
            view = _View(console, screen, _Lines(console, as_json=as_json))
            # A folder that was used before has values: they prove nothing of what runs now.
            began = datetime.now(UTC)
            async with Fleet(
                HubAddress.of(hub.facts),
                built,
                folder / "twins",
                SENSORS,
                interval=INTERVAL_S,
                first_chip=first_chip,
                keep=True,
            ) as fleet:
                lacking = await _show(view, hub, fleet, began, once=once, limit=limit)
    for line in lacking if once else []:
        print(f"dormouse: no value of {line}", file=sys.stderr)
    return 1 if once and lacking else 0


def _twin_folder(folder: Path) -> AbstractContextManager[int]:
    """Make the folders and hold them; the first chip id."""
    for made in (folder.parent, folder):
        if not made.exists():
            made.mkdir(parents=True, exist_ok=True)
            # The hub's children may run as another user below it, whatever the umask is.
            made.chmod(0o711)
    return twin_folder(folder / "twins")


class _View:
    """Where values go: the screen of a terminal, which is drawn anew each time, or lines."""

    def __init__(self, console: Console, screen: DemoScreen | None, lines: _Lines) -> None:
        self._console, self._screen, self._lines = console, screen, lines
        self._live = Live(console=console, auto_refresh=False, screen=screen is not None)
        self._last: RenderableType | None = None

    def __enter__(self) -> Self:
        if self._screen is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._screen is not None:
            self._live.stop()
            # The other screen is gone with what stood there: the last picture stays.
            if self._last is not None:
                self._console.print(self._last)

    def show(self, status: Mapping[str, Any]) -> None:
        if self._screen is None:
            self._lines.show(status)
        else:
            self._last = self._screen.draw(self._console, status)
            self._live.update(self._last, refresh=True)


async def _show(
    view: _View,
    hub: HubChild,
    fleet: Fleet,
    began: datetime,
    *,
    once: bool,
    limit: float | None,
) -> list[str]:
    """Show the values until the end; what is missing then."""
    loop = asyncio.get_running_loop()
    until = None if limit is None else loop.time() + limit
    with view:
        while True:
            status = await hub.status()
            view.show(status)
            lacking = missing(fleet.twins, SENSORS, status, began)
            late = until is not None and loop.time() >= until
            if late or (once and not lacking):
                return lacking
            await asyncio.sleep(_PERIOD_S)
