"""`dormouse flash` and `dormouse boards`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from contracts.errors import DormouseError
from contracts.event_lines import EventLines, EventShares
from host import boards, files, flash_maps, keys, serial_port
from host.as_json import JsonEvents
from host.errors import FileReadError, HostError
from host.extras import of_extra
from host.flash import plan as plans
from host.flash.errors import BootFailedError
from host.flash.plan import FlashPlan
from host.keys_cli import KEY, KeyOption, PartitionsOption
from host.label.label import shown
from host.provision import labels

if TYPE_CHECKING:
    from host.flash.chip import Chip

__all__ = ["BOOTLOADER", "mount"]

BOOTLOADER = Path("build/bootloader/bootloader.bin")
_WATCH_S, _WATCH_BY_HAND_S = 10.0, 30.0
# An empty flash gets its filesystem first, and pins are looked at before the portal opens.
_PROMPT_S = 30.0


Tell = Callable[..., None]
"""`EventLines.tell`."""


def mount(app: typer.Typer) -> None:
    """Add `flash` and `boards` to the command line."""
    app.command()(flash)
    app.command(name="boards")(show_boards)


def show_boards(
    board: Annotated[str | None, typer.Argument(help="one board: all that is known of it")] = None,
) -> None:
    """Say which boards are known, or everything about one."""
    if board is None:
        for known in boards.known().values():
            remark = "no updates over the air" if known.ota else f"mode {known.flash_mode}"
            typer.echo(f"{known.id:<14} {known.name} ({remark})")
        return
    shown_board = boards.get(board)
    for name, value in shown_board.model_dump(exclude_defaults=True).items():
        texts = value if isinstance(value, tuple) and name == "notes" else (_text(value),)
        for text in texts:
            typer.echo(f"{name + ':':<12} {text}")


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)


def flash(
    image: Annotated[Path, typer.Argument(help="an OTA build: MicroPython's image for 0x3c000")],
    *,
    board: Annotated[str, typer.Option(envvar="DORMOUSE_BOARD", help="see `dormouse boards`")],
    port: Annotated[
        str | None, typer.Option(envvar="DORMOUSE_PORT", help="the serial port [the only one]")
    ] = None,
    bootloader: Annotated[
        Path, typer.Option(help="what goes to 0x0: ours with its OTA server, or yaota8266.bin")
    ] = BOOTLOADER,
    keep_bootloader: Annotated[
        bool, typer.Option("--keep-bootloader", help="the board has one already: write none")
    ] = False,
    mode: Annotated[
        str | None, typer.Option(help="flash mode: the board's own, or dout [the board's]")
    ] = None,
    partitions: PartitionsOption,
    key: KeyOption = KEY,
    baud: Annotated[int, typer.Option(min=9600, help="speed for writing")] = 460800,
    stub: Annotated[
        bool, typer.Option(help="let esptool's helper run on the chip: faster, and compared")
    ] = True,
    erase_all: Annotated[
        bool, typer.Option("--erase-all", help="erase everything first, settings too")
    ] = False,
    console_baud: Annotated[int, typer.Option(min=9600, help="speed that it boots at")] = 115200,
    watch: Annotated[
        float | None, typer.Option(min=0, help="seconds to watch it start; 0: do not [10 or 30]")
    ] = None,
    label: Annotated[
        bool, typer.Option(help="end with the label of the device's own WiFi, for a phone")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would be done; touch no port")
    ] = False,
    as_json: JsonEvents = False,
) -> None:
    """Write bootloader and application to a board on a USB cable, and watch it start."""
    tell = EventLines(as_json=as_json).tell
    if erase_all and not stub:
        raise typer.BadParameter("the ROM cannot erase everything", param_hint="--erase-all")
    below = None if keep_bootloader else bootloader
    plan = _planned(board, image, below, mode=mode, partitions=partitions, key=key)
    for line in plan.lines():
        tell("planned", line)
    if dry_run:
        tell("ended", "dry run: nothing was written", written=False)
        return
    with of_extra("flash", "esptool"):
        from host.flash.chip import Chip  # noqa: PLC0415  # half a second of imports
    device = serial_port.choose(port)

    if not plan.board.auto_reset:
        tell("by-hand", f"{device}: now {plan.board.loader}", port=device)
    with Chip.connect(device, plan.board, baud=baud, stub=stub) as chip:
        text = f"{device}: {chip.description}, {chip.flash_size >> 10} KiB of flash"
        tell("connected", text, port=device, chip=chip.description, flash=chip.flash_size)
        plans.check_size(plan, chip.flash_size, chip.description)
        _write(chip, plan, erase_all=erase_all, tell=tell if as_json else None)
        text = "written and compared" if stub else "written; the first word of each sector is right"
        tell("written", text, compared=stub)
        if watch == 0:
            return
        chip.restart(console_baud)
        _watch(chip, plan, watch, tell)
    if label:
        _label(device, plan, tell)


def _planned(
    board: str,
    image: Path,
    bootloader: Path | None,
    *,
    mode: str | None,
    partitions: Path,
    key: Path,
) -> FlashPlan:
    flash_map = flash_maps.read(partitions)
    modulus = keys.load(key).modulus if key.exists() else None
    application = files.read(image)
    below = None
    if bootloader is not None:
        content = _bootloader(bootloader)
        with _naming(bootloader):
            below = plans.bootloader_part(content, flash_map, modulus)
    with _naming(image):
        return plans.make(
            boards.get(board), flash_map, application, below, mode=mode, modulus=modulus
        )


def _bootloader(path: Path) -> bytes:
    if path == BOOTLOADER and not path.exists():
        raise FileReadError(
            f"{path}: no bootloader with its OTA server is here: make bootloader SDK=<folder>, or "
            "name a stock one (--bootloader yaota8266.bin), or --keep-bootloader"
        )
    return files.read(path)


def _write(chip: Chip, plan: FlashPlan, *, erase_all: bool, tell: Tell | None) -> None:
    """With a bar on standard error; for programs an event for each twentieth."""
    if tell is not None:
        shares = EventShares()

        def event(name: str, share: float) -> None:
            if shares.take(name, share):
                tell("progress", part=name, share=round(share, 2))

        chip.write(plan, event, erase_all=erase_all)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        tasks = {part.name: bar.add_task(part.name, total=1.0) for part in plan.parts}
        chip.write(
            plan, lambda name, share: bar.update(tasks[name], completed=share), erase_all=erase_all
        )


def _watch(chip: Chip, plan: FlashPlan, seconds: float | None, tell: Tell) -> None:
    by_hand = not plan.board.auto_reset
    if by_hand:
        tell("by-hand", "if nothing happens, take its power off and on now, nothing pressed")
    finding = chip.watch(seconds or (_WATCH_BY_HAND_S if by_hand else _WATCH_S))
    if not finding.good:
        raise BootFailedError(f"everything is written, but: {finding.text}")
    tell("started", finding.text)


def _label(port: str, plan: FlashPlan, tell: Tell) -> None:
    """Show the label of the device that has just started; that there is none is no failure."""
    if not plan.is_ours:
        tell("label", "no label: no Dormouse firmware is in this image")
        return
    tell("asking", "asking it for its label")
    try:
        label = labels.read(port, within=_PROMPT_S)
    except HostError as error:
        tell("label", f"no label ({error}); with the board running: dormouse label --port {port}")
        return
    tell("label", shown(label, sys.stdout))
    tell("ended", "to print it, and those flashed before: dormouse label --output labels.pdf")


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    try:
        yield
    except DormouseError as error:
        raise type(error)(f"{file}: {error}") from None
