"""`dormouse keys`: make, import, write out and check the key that signs updates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from contracts import bootloader_config
from host import files, flash_maps, keys

__all__ = ["KEY", "KeyOption", "PartitionsOption", "app"]

KEY = Path("keys/ota.pem")
KeyOption = Annotated[
    Path, typer.Option("--key", envvar="DORMOUSE_KEY", help="the private key (PEM)")
]
PartitionsOption = Annotated[
    Path,
    typer.Option(
        "--partitions",
        envvar="DORMOUSE_PARTITIONS",
        help="the flash map: a file, or 1m, 2m, 4m for a part of so many MiB",
        metavar="FILE",
        parser=flash_maps.named,
        default_factory=flash_maps.default,
        show_default="partitions.csv in this folder, or else the one that fits every part",
    ),
]

app = typer.Typer(help="The key that signs updates.", no_args_is_help=True)


@app.command()
def new(
    key: KeyOption = KEY,
    bits: Annotated[int, typer.Option(help="size: 512, 768, 1024, 1536 or 2048")] = 2048,
    existing: Annotated[
        Path | None, typer.Option("--import", help="take this PEM file's key, make none")
    ] = None,
) -> None:
    """Make a key pair, or import one; an existing key is never overwritten."""
    made = keys.import_pem(existing, key) if existing else keys.new(key, bits)
    typer.echo(f"{key}: key {made.name}, {made.bits} bits. Keep a copy in a safe place: devices")
    typer.echo("that carry it take updates from nobody else.")
    if made.bits < 1024:
        typer.echo(
            f"WARNING: {made.bits} bits can be broken by anyone with a few days and little money. "
            "Use such a key only for devices whose stock bootloader has one already.",
            err=True,
        )


@app.command()
def config(
    *,
    key: KeyOption = KEY,
    partitions: PartitionsOption,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="write here, not to standard output")
    ] = None,
    stock: Annotated[
        bool, typer.Option("--stock", help="for a stock yaota8266 tree: its settings only")
    ] = False,
    require_signature: Annotated[
        bool, typer.Option(help="start no application without a signed trailer")
    ] = True,
    baud_rate: Annotated[int, typer.Option(min=0, help="0: the ROM's 74880")] = 115200,
    pkt_wait_ms: Annotated[
        int, typer.Option(min=1, help="silence that restarts a session")
    ] = 10000,
    idle_reboot_ms: Annotated[int, typer.Option(min=1, help="silence that ends OTA mode")] = 60000,
    gpio_mask: Annotated[
        str, typer.Option(help="pins watched at power-on; 0: always OTA")
    ] = "0xf035",
    gpio_wait_ms: Annotated[int, typer.Option(min=0, help="how long they are watched")] = 3000,
) -> None:
    """Write yaota8266's config.h with this key in it."""
    try:
        mask = int(gpio_mask, 0)
    except ValueError:
        raise typer.BadParameter(
            f"'{gpio_mask}' is not a number", param_hint="--gpio-mask"
        ) from None
    settings = bootloader_config.Config(
        flash_maps.read(partitions).app.offset,
        baud_rate,
        pkt_wait_ms,
        idle_reboot_ms,
        mask,
        gpio_wait_ms,
        None if stock else require_signature,
    )
    text = bootloader_config.config_h(keys.load(key).modulus, settings)
    if output is None:
        typer.echo(text, nl=False)
    else:
        files.write(output, text.encode())
    if stock or not require_signature:
        typer.echo(f"WARNING: {bootloader_config.UNSIGNED}", err=True)


@app.command()
def check(
    image: Annotated[Path, typer.Argument(help="a bootloader image")], key: KeyOption = KEY
) -> None:
    """Say whether a bootloader image carries this key."""
    ours = keys.load(key)
    keys.check_carried(image, ours)
    typer.echo(f"{image}: carries the key {ours.name} ({key})")
