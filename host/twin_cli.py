"""The commands `dormouse twin` and `dormouse demo`."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.live import Live

from contracts import resources
from contracts.event_lines import EventLines
from host import keys
from host.as_json import JsonEvents
from host.local_hub import data_folder
from host.sources import SourceOption, Sources, chosen
from host.twin import firmware, vm
from host.twin.errors import TwinError
from host.twin.fleet import Fleet
from host.twin.hub import HubAddress, facts
from host.twin.image import build_image
from host.twin.kinds import Choice, TwinKind, kinds
from host.twin.register import MOST, twin_folder
from host.twin.rom import Bootloader
from host.twin.table import TwinEvents, fleet_table, summary
from host.twin.twin import CONNECTION

__all__ = ["mount", "until_ended"]

T = TypeVar("T")

MachineOption = Annotated[
    vm.MachineChoice,
    typer.Option(help="what runs the firmware: auto takes MicroPython where it is there"),
]

# Lines of a terminal that are not rows of the table: its frame, the summary, the prompt.
_FRAME = 7
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def until_ended(work: Coroutine[Any, Any, T]) -> T | None:
    """The result of `work`, or None when Ctrl-C or SIGTERM ended it, its cleaning up done.

    Further signals do not disturb the cleaning up.
    """
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    ended = False

    def end() -> None:
        nonlocal ended
        if not ended:
            ended = True
            task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, end)
    try:
        return await task
    except asyncio.CancelledError:
        return None
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def _watch(fleet: Fleet, seconds: float | None, events: EventLines) -> None:
    """Show the fleet, for so many seconds or for ever."""
    console = Console(quiet=events.as_json)
    loop = asyncio.get_running_loop()
    end = math.inf if seconds is None else loop.time() + seconds
    rows = max(3, console.size.height - _FRAME)
    live = console.is_terminal and not events.as_json
    screen = Live(console=console, auto_refresh=False) if live else None
    period = 0.5 if screen or events.as_json else 5.0
    devices = TwinEvents(events)
    with screen or contextlib.nullcontext():
        while (left := end - loop.time()) > 0:
            await asyncio.sleep(min(period, left))
            if events.as_json:
                devices.tell(fleet.twins)
            elif screen is not None:
                screen.update(fleet_table(fleet, rows), refresh=True)
            else:
                console.print(summary(fleet.totals()), highlight=False, soft_wrap=True)


async def _run(fleet: Fleet, seconds: float | None, events: EventLines) -> None:
    async with fleet:
        await _watch(fleet, seconds, events)


def _fly(
    address: HubAddress,
    what: list[TwinKind],
    interval: float,
    folder: Path,
    *,
    seconds: float | None,
    key: Path | None,
    sources: Sources,
    machine: vm.Machine,
    events: EventLines,
    chip: Path | None = None,
) -> int:
    """Run a fleet until its end; how many wakes failed. With a key, through the bootloader."""
    with (
        twin_folder(folder) as first,
        tempfile.TemporaryDirectory(prefix="dormouse-twin-") as work,
    ):
        build = firmware.compile_to(
            Path(work), source=sources.firmware, shims=sources.shims, machine=machine
        )
        fleet = Fleet(
            address,
            build,
            folder,
            what,
            interval=interval,
            first_chip=first,
            keep=True,
            renewed=(*CONNECTION, "interval"),
            bootloader=Bootloader(key) if key else None,
            image=build_image(build, resources.release(), key=keys.load(key)) if key else b"",
        )
        if chip is not None:
            from host.chip.fleet import add_chip  # noqa: PLC0415  # its tools are for it alone

            add_chip(fleet, chip, Path(work), hub=address, interval=round(interval), key=key)
        asyncio.run(until_ended(_run(fleet, seconds, events)))
    for one in fleet.twins:
        if trouble := one.statistics.last_error or one.statistics.last_complaint:
            typer.echo(f"{one.id}: {trouble}", err=True)
    totals = fleet.totals()
    events.tell(
        "ended", summary(totals), seconds=round(totals.seconds, 1), cycles=totals.cycles,
        failures=totals.failed,
    )  # fmt: skip
    return totals.failed


def twin(
    *,
    count: Annotated[int, typer.Option(min=1, max=MOST, help="how many devices")] = 3,
    interval: Annotated[int, typer.Option(min=1, help="seconds between wakes")] = 5,
    kind: Annotated[Choice, typer.Option(help="what the devices are")] = Choice.MIXED,
    hub: Annotated[str, typer.Option(help="host name or address of the hub")] = "",
    port: Annotated[int, typer.Option(min=1, max=65535, help="its broker's port")] = 1883,
    enrol_port: Annotated[int, typer.Option(min=1, max=65535, help="its enrolment port")] = 1884,
    data_dir: Annotated[
        str | None,
        typer.Option(envvar="DORMOUSE_DATA_DIR", help="without --hub: the local hub's folder"),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="where the devices are kept [default: in the data folder, by hub]"),
    ] = None,
    bootloader: Annotated[
        Path | None,
        typer.Option(
            metavar="KEY",
            help="start them through the bootloader, so that images signed with this key (PEM) "
            "update them over the air",
        ),
    ] = None,
    chip: Annotated[
        Path | None,
        typer.Option(
            metavar="BUILD",
            help="one more, on an emulated chip: MicroPython's build folder (make image)",
        ),
    ] = None,
    source: SourceOption = None,
    machine: MachineOption = vm.MachineChoice.AUTO,
    seconds: Annotated[float | None, typer.Option(min=0, help="end after so long")] = None,
    as_json: JsonEvents = False,
) -> None:
    """Run virtual devices (the real firmware) against a hub until Ctrl-C."""
    chosen_machine, events = vm.here(machine), EventLines(as_json=as_json)
    if said := vm.note(chosen_machine):
        events.tell("note", said)
    data = data_folder(data_dir)
    address = HubAddress(hub, port, enrol_port) if hub else HubAddress.of(facts(data))
    place = folder or data / "twins" / (f"{hub}_{port}" if hub else "local")
    what = kinds(kind, count)
    failed = _fly(
        address, what, float(interval), place,
        seconds=seconds, key=bootloader, sources=chosen(source), chip=chip,
        machine=chosen_machine, events=events,
    )  # fmt: skip
    sys.exit(1 if failed else 0)


def demo(
    *,
    seconds: Annotated[float | None, typer.Option(min=0, help="end after so long")] = None,
    once: Annotated[
        bool, typer.Option("--once", help="end when every sensor's value is in the database")
    ] = False,
    data_dir: Annotated[
        str | None,
        typer.Option(envvar="DORMOUSE_DATA_DIR", help="data lies in its folder `demo`"),
    ] = None,
    machine: MachineOption = vm.MachineChoice.AUTO,
    as_json: Annotated[
        bool, typer.Option("--json", help="an object a line: the hub, then each new value")
    ] = False,
) -> None:
    """Run a hub with three virtual sensors on this machine until Ctrl-C."""
    chosen_machine = vm.here(machine)
    try:
        from host.twin.demo import run  # noqa: PLC0415  # needs what only the hub installs
    except ModuleNotFoundError:
        raise TwinError(
            "the demonstration needs the hub: pip install 'dormouse-home[hub,twin]'"
        ) from None
    folder = data_folder(data_dir) / "demo"
    work = run(folder, once=once, seconds=seconds, machine=chosen_machine, as_json=as_json)
    sys.exit(asyncio.run(until_ended(work)) or 0)


def mount(app: typer.Typer) -> None:
    """Add the commands to the root command."""
    app.command()(twin)
    app.command()(demo)
