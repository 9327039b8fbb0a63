"""`dormouse sign` and `dormouse ota`, which has `send` and, where there is a hub, `device`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts import image
from contracts.errors import VersionError
from contracts.event_lines import EventLines, EventShares
from contracts.ota import canned, protocol
from contracts.ota.checks import check_image, check_stream
from contracts.ota.client import BROADCAST, Result
from contracts.ota.pacing import MAX_WINDOW
from contracts.ota.protocol import SignedStream
from contracts.ota.session import SessionOptions
from contracts.ota.session import SessionProgress as Sent
from contracts.trailer import MAX_COUNTER
from contracts.versions import Version
from host import files, flash_maps, keys
from host.as_json import JsonEvents
from host.keys_cli import KEY, KeyOption, PartitionsOption
from host.ota.prepare import bar, naming, signed
from host.ota.udp import send
from host.root import CommandGroup

__all__ = ["app", "mount"]


class _SendUnlessNamed(CommandGroup):
    """`dormouse ota ADDRESS IMAGE` is `dormouse ota send ADDRESS IMAGE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `send` before what names no other command."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["send", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_SendUnlessNamed,
    help="Update a device: `dormouse ota [ADDRESS] IMAGE` one that is in OTA mode, "
    "`dormouse ota device ID IMAGE` one that sleeps, through the hub.",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """Update a device."""


def mount(root: typer.Typer) -> None:
    """Add `sign` and `ota` to the command line."""
    root.command()(sign)
    root.add_typer(app, name="ota")


def sign(
    image_file: Annotated[Path, typer.Argument(metavar="IMAGE", help="an OTA build")],
    *,
    key: KeyOption = KEY,
    partitions: PartitionsOption,
    version: Annotated[
        str | None, typer.Option(help="for the trailer: 1.2.3; without it no trailer is added")
    ] = None,
    board: Annotated[str, typer.Option(help="for the trailer; empty: any board")] = "",
    security_counter: Annotated[
        str,
        typer.Option(
            help="for the trailer: a device that has confirmed a higher one does not start the "
            "image; auto (the version's), a version, or a number",
        ),
    ] = "auto",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="the canned file [IMAGE.ota]")
    ] = None,
    image_output: Annotated[
        Path | None, typer.Option("--image", help="write the image with its trailer here too")
    ] = None,
) -> None:
    """Sign an image: a canned update that anyone can send, with version and board in it."""
    counter = _counter(security_counter)
    if version is None and counter is not None:
        raise typer.BadParameter("needs --version too", param_hint="--security-counter")
    ours = keys.load(key)
    data = files.read(image_file)
    with naming(image_file):
        if version is not None:
            data = image.stamp(data, version, board, ours, counter)
        notes = check_image(data, flash_maps.read(partitions), modulus=ours.modulus)
    for note in notes if version is None else []:
        typer.echo(f"note: {note} (give it with --version and --board)", err=True)
    stream = signed(data, ours)
    target = output or image_file.with_name(image_file.name + ".ota")
    files.write(target, canned.dump(stream))
    if image_output:
        files.write(image_output, data)
    typer.echo(f"{target}: {len(stream)} datagrams for {len(data)} bytes, key {ours.name}")


def _counter(text: str) -> int | None:
    """A security counter as it is given; None for the version's own."""
    if text == "auto":
        return None
    if text.isdecimal() and int(text) <= MAX_COUNTER:
        return int(text)
    try:
        return Version.parse(text).number
    except VersionError:
        raise typer.BadParameter(
            f"'{text}' is neither auto nor a version nor a number up to {MAX_COUNTER}",
            param_hint="--security-counter",
        ) from None


@app.command("send")
def ota(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[ADDRESS] IMAGE",
            help="the device (without it: whichever answers a broadcast) and an image or .ota",
        ),
    ],
    *,
    key: KeyOption = KEY,
    partitions: PartitionsOption,
    board: Annotated[str | None, typer.Option(help="the device's board")] = None,
    running: Annotated[str | None, typer.Option(help="the version that the device runs")] = None,
    allow_downgrade: Annotated[bool, typer.Option(help="send an older version too")] = False,
    bootloader: Annotated[
        Path | None, typer.Option(help="the device's bootloader image: must carry the key")
    ] = None,
    window: Annotated[
        int, typer.Option(min=1, max=64, help="datagrams in flight at most; 1: the plain way")
    ] = MAX_WINDOW,
    wait: Annotated[float, typer.Option(help="seconds to wait for the device")] = 60.0,
    patience: Annotated[
        float, typer.Option(help="seconds of silence until the device counts as lost")
    ] = 60.0,
    confirm: Annotated[float, typer.Option(help="seconds to watch the device at the end")] = 3.0,
    port: Annotated[int, typer.Option(min=1, max=65535)] = protocol.PORT,
    broadcast: Annotated[str, typer.Option(help="where to look for it")] = BROADCAST,
    as_json: JsonEvents = False,
) -> None:
    """Update a device that is in OTA mode."""
    events = EventLines(as_json=as_json)
    if len(words) > 2:
        raise typer.BadParameter("more than an address and an image", param_hint="IMAGE")
    target = words[0] if len(words) == 2 else None
    file = Path(words[-1])
    data = files.read(file)
    with naming(file):
        stream, payload = _prepared(data, key, bootloader)
        notes = check_image(
            payload,
            flash_maps.read(partitions),
            board=board,
            running=running,
            allow_downgrade=allow_downgrade,
        )
    for note in notes:
        if as_json:
            events.tell("note", note)
        else:
            typer.echo(f"note: {note}", err=True)
    stream = stream or signed(payload, keys.load(key))
    options = SessionOptions(wait=wait, patience=patience, confirm=confirm, window=window)
    result = _send(stream, target, options, port, broadcast, events)
    events.tell(
        "sent",
        f"{result.address}: {result.ending}. {result.size} bytes in {result.seconds:.1f} s, "
        f"{result.resent} datagrams sent again. Which version runs it says in its next report.",
        address=str(result.address), ending=str(result.ending), bytes=result.size,
        seconds=round(result.seconds, 1), resent=result.resent,
    )  # fmt: skip


def _prepared(data: bytes, key: Path, bootloader: Path | None) -> tuple[SignedStream | None, bytes]:
    """The update if it is signed already, and the image; raises when the key is not the one."""
    stream = canned.parse(data) if canned.is_canned(data) else None
    if bootloader:
        ours = keys.load(key)
        keys.check_carried(bootloader, ours)
        if stream:
            check_stream(stream, ours.modulus)
    elif stream is None:
        keys.load(key)  # before any work: without a key nothing can be sent
    return stream, stream.payload() if stream else data


def _send(  # noqa: PLR0917  # as the command has them
    stream: SignedStream,
    address: str | None,
    options: SessionOptions,
    port: int,
    broadcast: str,
    events: EventLines,
) -> Result:
    shares = EventShares()
    with bar(quiet=events.as_json) as shown:
        task = shown.add_task("", total=stream.size)

        def show(sent: Sent) -> None:
            if events.as_json and shares.take(str(sent.phase), sent.done / max(stream.size, 1)):
                events.tell(
                    "progress", phase=str(sent.phase), done=sent.done, total=stream.size,
                    restarts=sent.restarts,
                )  # fmt: skip
            again = f" (began anew: {sent.restarts})" if sent.restarts else ""
            shown.update(task, completed=sent.done, description=f"{sent.phase}{again}")

        return asyncio.run(
            send(stream, address, port=port, options=options, progress=show, broadcast=broadcast)
        )
