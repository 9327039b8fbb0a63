"""The command `dormouse rehearse`."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from contracts.bootloader_config import Config
from host import files, keys
from host.chip import build as builds
from host.chip.build import ChipParts
from host.chip.rehearse import Rehearsal
from host.chip.stations import Station, over
from host.linked import elf
from host.linked.checks import Program
from host.linked.report import describe
from host.twin import loopback

__all__ = ["mount"]

_COLUMNS = ("", "ended", "M instr.", "reads", "writes", "stack", "heap free", "ms")
_WIDTH = 110  # a name, seven numbers; not broken where nobody has a terminal


def mount(app: typer.Typer) -> None:
    """Add the command to the root command."""
    app.command()(rehearse)


def rehearse(
    build: Annotated[Path, typer.Argument(help="MicroPython's build folder, or its sources")],
    *,
    lwip: Annotated[
        Path | None, typer.Option(help="liblwip_open.a [the one that the build was linked with]")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="keep flash, consoles and parts here [a temporary one]")
    ] = None,
    cut: Annotated[
        int, typer.Option(min=0, help="flash operation of the update at which the power goes once")
    ] = 300,
) -> None:
    """Run a build from an empty flash to an update through a hub, on an emulated chip."""
    console = Console()
    found = builds.find(build, lwip)
    with _folder(folder) as work:
        key = keys.new(work / "rehearsal.pem")
        with console.status("building"):
            parts = builds.make(found, work / "parts", key, settings=Config(idle_reboot_ms=20_000))
        console.print(
            f"Dormouse {found.version} for {found.board}, {found.layout}: {found.folder}",
            highlight=False,
            soft_wrap=True,
        )
        real = elf.read(files.read(found.folder / "firmware.elf"))
        for name, value in describe(real, Program.APPLICATION, found.flash_map):
            console.print(f"  {name}: {value}", highlight=False)
        too_much = asyncio.run(_rehearse(parts, work, cut, console))
    for line in too_much:
        typer.echo(f"dormouse: a wake has {line}", err=True)
    raise typer.Exit(1 if too_much else 0)


@contextlib.contextmanager
def _folder(named: Path | None) -> Iterator[Path]:
    if named is not None:
        files.make_folder(named)
        yield named.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="dormouse-rehearse-") as name:
        Path(name).chmod(0o711)  # the hub's children may run as another user below it
        yield Path(name)


async def _rehearse(parts: ChipParts, work: Path, cut: int, console: Console) -> list[str]:
    """All stations, told as they come; what a wake has too much of."""
    from host.chip.hub import RehearsalHub  # noqa: PLC0415  # only here is a hub needed

    stations: list[Station] = []

    def tell(what: Station | str) -> None:
        if isinstance(what, Station):
            stations.append(what)
            cells = what.cells()
            console.print(f"{cells[0]}: {cells[1]}, {cells[2]} M instructions", highlight=False)
        else:
            console.print(f"  {what}", highlight=False, soft_wrap=True)

    address = loopback.claim()
    (work / "chip").mkdir(exist_ok=True)
    async with RehearsalHub(work / "hub") as hub:
        rehearsal = Rehearsal.new(parts, work / "chip", address.text, hub, tell)
        try:
            await rehearsal.first_start()
            await rehearsal.first_wake()
            wake = await rehearsal.wakes()
            await rehearsal.update(cut=cut)
        finally:
            rehearsal.chip.network.close()
            address.release()
            Console(width=_WIDTH).print(_table(stations))
    return list(over(wake))


def _table(stations: list[Station]) -> Table:
    table = Table(*_COLUMNS, box=None)
    for column in table.columns[2:]:
        column.justify = "right"
    for station in stations:
        table.add_row(*station.cells())
    return table
