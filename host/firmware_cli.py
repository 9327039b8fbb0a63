"""`dormouse firmware`: what is put on a board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from contracts import resources
from contracts.event_lines import EventLines
from contracts.signatures import Key
from host import artefacts, boards, flash_maps, keys
from host.as_json import JsonEvents
from host.keys_cli import KEY, KeyOption, PartitionsOption
from host.sources import SourceOption, chosen

__all__ = ["app"]

app = typer.Typer(help="The device's firmware.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The device's firmware."""


@app.command()
def build(
    *,
    board: Annotated[
        str, typer.Option(envvar="DORMOUSE_BOARD", help="what the device reports")
    ] = artefacts.ANY_BOARD,
    version: Annotated[str | None, typer.Option(help="1.2.3 [this release's]")] = None,
    source: SourceOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder [build/firmware/BOARD]")
    ] = None,
) -> None:
    """Compile the firmware: a folder of .mpy files, a ROMFS image, a tree for a frozen build."""
    folder = output or Path("build/firmware") / board
    made = artefacts.build(folder, version or resources.release(), board, chosen(source).firmware)
    typer.echo(f"{made.romfs}: {made.romfs.stat().st_size} bytes, for a ROMFS build of MicroPython")
    typer.echo(f"{made.modules}: the same as files, for the filesystem of any build")
    typer.echo(f"{made.frozen}: what `make image` freezes into MicroPython")


@app.command()
def image(
    micropython: Annotated[Path, typer.Argument(help="folder of MicroPython's sources")],
    *,
    board: Annotated[str, typer.Option(envvar="DORMOUSE_BOARD", help="see `dormouse boards`")],
    version: Annotated[str | None, typer.Option(help="1.2.3 [this release's]")] = None,
    partitions: PartitionsOption,
    key: KeyOption = KEY,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder [build/firmware/BOARD]")
    ] = None,
    make: Annotated[
        list[str] | None, typer.Option(help="a variable for MicroPython's make: NAME=VALUE")
    ] = None,
    changed_sources: Annotated[
        bool, typer.Option("--changed-sources", help="build sources that differ from their commit")
    ] = False,
    as_json: JsonEvents = False,
) -> None:
    """Build the firmware into MicroPython and check what was linked: an image to flash."""
    from host.micropython import image as images  # noqa: PLC0415  # the ELF reader is for it alone

    wanted = images.Wanted(
        boards.get(board),
        version or resources.release(),
        flash_maps.read(partitions),
        _key(key),
        _variables(make or []),
    )
    folder = output or Path("build/firmware") / wanted.board.id
    events = EventLines(as_json=as_json)
    with Console(stderr=True, quiet=as_json).status("MicroPython") as status:

        def progress(step: str) -> None:
            status.update(step)
            if as_json:
                events.tell("building", step)

        made = images.build(micropython, wanted, folder, changed=changed_sources, progress=progress)
    for line in made.lines:
        events.tell("built", line)


def _key(path: Path) -> Key | None:
    return keys.load(path) if path.exists() else None


def _variables(given: list[str]) -> dict[str, str]:
    pairs = dict(one.partition("=")[::2] for one in given)
    if not all("=" in one for one in given) or "" in pairs:
        raise typer.BadParameter("NAME=VALUE is wanted", param_hint="--make")
    return pairs


@app.command("test")
def run_programs(
    pattern: Annotated[
        str, typer.Argument(metavar="NAME", help="check_lm75; * stands for anything")
    ] = "check_*",
    *,
    source: SourceOption = None,
) -> None:
    """Run the firmware's test programs on this machine's MicroPython, with stand-ins for a chip."""
    from host import programs  # noqa: PLC0415  # virtual devices, which no build needs

    failed = 0
    for outcome in programs.run(chosen(source), pattern):
        typer.echo(f"{outcome.name}: {'passed' if outcome.passed else 'FAILED'}")
        if not outcome.passed:
            failed += 1
            typer.echo(outcome.console, err=True)
    raise typer.Exit(1 if failed else 0)
