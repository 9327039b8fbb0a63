"""`dormouse image`: what an image file is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from contracts import map_marker, signatures, trailer
from contracts.errors import DormouseError, NotAnImageError
from contracts.flash_map import SECTOR, FlashMap
from contracts.image import IROM, Application, EspImage, ImageKind, parse, words_for_plain_build
from contracts.ota import canned
from contracts.versions import Version
from host import files, flash_maps, keys, romfs
from host.artefacts import STAMP
from host.keys_cli import KEY, KeyOption, PartitionsOption
from host.linked import elf, report
from host.linked.checks import IRAM, IRAM_END, Room

__all__ = ["app", "describe"]

app = typer.Typer(help="Image files.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Image files."""


@app.command()
def info(
    file: Annotated[Path, typer.Argument(help="any ESP8266 image, a canned .ota, a linked .elf")],
    partitions: PartitionsOption,
    key: KeyOption = KEY,
) -> None:
    """Say what an image is: OTA build or not, MD5, version, board, signature, flash map, room."""
    data = files.read(file)
    flash_map = flash_maps.read(partitions)
    modulus = keys.load(key).modulus if key.exists() else None
    try:
        for name, value in describe(data, flash_map, modulus):
            typer.echo(f"{name + ':':<12} {value}")
    except DormouseError as error:
        raise type(error)(f"{file}: {error}") from None


def describe(data: bytes, flash_map: FlashMap, modulus: bytes | None) -> Iterator[tuple[str, str]]:
    """What there is to say about a file, as (name, value) pairs; `modulus` is our key's if known.

    Raises what `canned.parse`, `image.parse` and `elf.read` raise.
    """
    yield "file", f"{len(data)} bytes"
    if data.startswith(elf.ELF_MAGIC):
        yield from _linked(data, flash_map)
        return
    if canned.is_canned(data):
        stream = canned.parse(data)
        yield "canned", f"{len(stream)} datagrams, {stream.key_bits}-bit signatures"
        if modulus:
            ours = stream.signed_by(modulus)
            yield "datagrams", "signed with our key" if ours else "NOT signed with our key"
        data = stream.payload()
    if data.startswith(romfs.MAGIC):
        yield from _romfs(data)
        return
    image = parse(data)
    yield "is", str(image.kind)
    yield from _header(data, image)
    if image.application:
        yield from _application(data, image.application, modulus)
        if image.kind is ImageKind.OTA:
            # The last sector of its slot is left to MD5 and trailer, as the linker scripts do.
            irom = Room("irom", image.application.size - IROM, flash_map.app.size - IROM - SECTOR)
            yield irom.name, str(irom)
    elif modulus and image.kind in (ImageKind.BOOTLOADER, ImageKind.MERGED):
        carried = signatures.carries(data, modulus)
        yield "key", "carries our key" if carried else "does not carry our key"
    yield "flash map", _map(data, flash_map)
    yield "overwrites", _overwritten(image, len(data), flash_map)


def _romfs(data: bytes) -> Iterator[tuple[str, str]]:
    members = romfs.read(data)
    yield "is", "ROMFS for a stock MicroPython (not an OTA build, not for `dormouse flash`)"
    yield "size", f"{len(data)} bytes, {len(members)} files"
    yield "md5", hashlib.md5(data, usedforsecurity=False).hexdigest()
    try:
        stamp = dict(json.loads(members.get(STAMP, b"{}")))
    except (ValueError, TypeError, RecursionError):
        raise NotAnImageError(f"the ROMFS image is damaged: its {STAMP} cannot be read") from None
    yield "version", str(stamp.get("version", "unknown: no stamp of ours"))
    yield "board", str(stamp.get("board", "unknown"))
    yield "signature", "none: nothing checks a ROMFS"
    spare = romfs.ROOM - len(data)
    over = "" if spare >= 0 else f", IS {-spare} BYTES TOO LARGE FOR IT"
    yield "overwrites", f"the ROMFS partition of a FLASH_2M_ROMFS build ({romfs.ROOM} bytes){over}"


def _linked(data: bytes, flash_map: FlashMap) -> Iterator[tuple[str, str]]:
    linked = elf.read(data)
    program = report.program_of(linked)
    yield "is", f"linked file of the {program}"
    yield from report.describe(linked, program, flash_map)


def _map(data: bytes, flash_map: FlashMap) -> str:
    built, ours = map_marker.find(data), map_marker.marker(flash_map)
    if built is None:
        return "not told"
    if built == ours:
        return f"built for this one ({built.size >> 10} KiB)"
    return f"BUILT FOR ANOTHER ({built.size >> 10} KiB): {', '.join(built.differences(ours))}"


def _header(data: bytes, image: EspImage) -> Iterator[tuple[str, str]]:
    size = f"{image.flash_size >> 10} KiB" if image.flash_size else "size unknown"
    yield "flash", f"mode {image.flash_mode or 'unknown'}, {size} (as its header says)"
    parts = ", ".join(f"{s.size} at {s.address:#x}" for s in image.segments)
    yield "segments", f"{parts}; entry {image.entry:#x}"
    if image.application:
        yield "links", f"{words_for_plain_build(data)} words point to a build for 0x0"
        iram = sum(s.size for s in image.segments if IRAM <= s.address < IRAM_END)
        yield "IRAM", str(Room("IRAM", iram, IRAM_END - IRAM))


def _application(
    data: bytes, application: Application, modulus: bytes | None
) -> Iterator[tuple[str, str]]:
    yield "size", f"{application.size} bytes ({application.end} with MD5 and trailer)"
    yield (
        "md5",
        application.md5.hex()
        + ("" if application.whole else f" WRONG: {application.computed_md5.hex()}"),
    )
    if application.trailer is None:
        yield "trailer", "none: version and board unknown, unsigned"
        return
    yield "version", application.trailer.version
    yield "board", application.trailer.board or "any"
    yield "counter", _counter(application.trailer)
    bits = len(application.trailer.signature) * 8
    if not bits:
        yield "signature", "none"
    elif modulus is None:
        yield "signature", f"{bits} bits, not checked (no key at hand)"
    else:
        ours = trailer.signed_by(data, application.trailer, modulus)
        yield "signature", f"{bits} bits, " + ("by our key" if ours else "NOT by our key")


def _counter(of: trailer.Trailer) -> str:
    if not of.counter:
        return "none: no bootloader that has confirmed an image with one starts it"
    return f"{of.counter} (as version {Version.of(of.counter)})"


def _overwritten(image: EspImage, length: int, flash_map: FlashMap) -> str:
    start = flash_map.app.offset if image.kind is ImageKind.OTA else 0
    if image.kind is ImageKind.SEGMENTS:
        return "unknown: where it goes depends on its build"
    end = start + (image.application.end if image.application else length)
    touched = ", ".join(entry.name for entry in flash_map.overlapping(start, end))
    beyond = "" if end <= flash_map.size else ", AND RUNS OVER THE END OF THE FLASH"
    over = ""
    if image.kind is ImageKind.OTA and end > flash_map.app.end:
        over = f", IS {end - flash_map.app.end} BYTES TOO LARGE FOR ITS SLOT"
    return f"{start:#x}..{end:#x}: {touched}{over}{beyond}"
