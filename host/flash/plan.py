"""What is written where, decided and checked before anything is erased."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from contracts import bootloader_config, image, map_marker, signatures
from contracts.errors import FlashSizeError, NotAnImageError, WrongKeyError
from contracts.flash_map import SECTOR, FlashMap
from contracts.image import ImageKind
from contracts.ota.checks import check_image
from host.boards import Board
from host.flash.errors import (
    BoardRefusedError,
    FlashModeError,
    UnsignedError,
    WrongFlashMapError,
)

__all__ = ["ANY_BOARD_MODE", "FlashPlan", "Part", "bootloader_part", "check_size", "make"]

ANY_BOARD_MODE = "dout"
"""The slowest mode: two data lines one way only, which every flash part and wiring has."""
_ESP8285 = "ESP8285"
_OURS = b"dormouse/identity."


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes for one place in flash, of a partition or, for the bootloader, the ones it fills."""

    name: str
    offset: int
    data: bytes

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.offset + len(self.data)

    @property
    def erased_end(self) -> int:
        """The first byte that is not erased for it."""
        return -(-self.end // SECTOR) * SECTOR


@dataclass(frozen=True, slots=True)
class FlashPlan:
    """A checked plan. `notes` are sentences about what could not be checked."""

    board: Board
    mode: str
    flash_size: int
    parts: tuple[Part, ...]
    notes: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        """Whether the application has our firmware in it: frozen, as MicroPython names modules."""
        return any(_OURS in part.data for part in self.parts)

    @property
    def size(self) -> int:
        """Bytes to write."""
        return sum(len(part.data) for part in self.parts)

    def lines(self) -> Iterator[str]:
        """The plan for a person, line by line."""
        yield f"board      {self.board.id}: {self.board.name}"
        yield f"flash      {self.flash_size >> 10} KiB at the least, mode {self.mode}"
        for part in self.parts:
            yield (
                f"write      {part.offset:#08x}..{part.end:#08x}  {part.name}, {len(part.data)} "
                f"bytes (erases up to {part.erased_end:#x})"
            )
        for note in (*self.notes, *self.board.notes):
            yield f"note       {note}"


def make(
    board: Board,
    flash_map: FlashMap,
    application: bytes,
    bootloader: Part | None,
    *,
    mode: str | None = None,
    modulus: bytes | None = None,
) -> FlashPlan:
    """The plan for a board; without a bootloader the one on the board stays.

    `mode` is another flash mode than the board's own, `modulus` that of the key which a signed
    application must carry. Raises BoardRefusedError, FlashModeError, WrongFlashMapError,
    UnsignedError for a bootloader that would not start it, and what
    `contracts.ota.checks.check_image` raises.
    """
    if board.ota:
        raise BoardRefusedError(f"{board.name}: not for updates over the air: {board.ota}")
    chosen = mode or board.flash_mode
    _check_mode(board, chosen)
    notes = check_image(application, flash_map, board=board.id, running="0.0.0", modulus=modulus)
    notes += _application_map(application, flash_map)
    app = Part("app", flash_map.app.offset, application)
    parts = (app,) if bootloader is None else (bootloader, app)
    if bootloader is None:
        notes.append("no bootloader is written: the one on the board stays")
    elif bootloader_config.SIGNED_ONLY not in bootloader.data:
        notes.append(f"WARNING: {bootloader_config.UNSIGNED}")
    elif not image.application(application).signed:
        raise UnsignedError(
            "not signed, and this bootloader starts only signed applications: sign it "
            "(dormouse sign IMAGE --version 1.2.3 --image SIGNED), and flash that"
        )
    return FlashPlan(board, chosen, flash_map.size, parts, tuple(notes))


def bootloader_part(data: bytes, flash_map: FlashMap, modulus: bytes | None) -> Part:
    """The part at 0x0; `modulus` is that of the key it must take updates from, if that is known.

    Raises NotAnImageError, FlashSizeError, WrongFlashMapError, WrongKeyError.
    """
    kind = image.parse(data).kind
    if kind is not ImageKind.MERGED:
        raise NotAnImageError(
            f"not a bootloader with its OTA server in one file for 0x0, but: {kind}"
        )
    if len(data) > flash_map.app.offset:
        raise FlashSizeError(
            f"{len(data)} bytes run into the application at {flash_map.app.offset:#x}"
        )
    built, ours = map_marker.find(data), map_marker.marker(flash_map)
    if built is not None and built != ours:
        raise WrongFlashMapError(
            f"built for a flash of {built.size >> 10} KiB with {built.differences(ours)[0]}: its "
            "RF calibration would land in other parts; build it with this flash map "
            "(make bootloader LAYOUT=...), or give --partitions"
        )
    if modulus is not None and not signatures.carries(data, modulus):
        raise WrongKeyError("does not carry our key: it would take nothing that is signed with it")
    return Part("bootloader", 0, data)


def _application_map(application: bytes, flash_map: FlashMap) -> list[str]:
    """Notes about the map that an application was built for. Raises WrongFlashMapError.

    One for a smaller part runs on a larger: it takes the filesystem's place by the size of flash,
    and only has less room of its own.
    """
    built, ours = map_marker.find(application), map_marker.marker(flash_map)
    if built is None or built == ours:
        return []
    slot, app = built.places.get("app"), flash_map.app
    if slot is None or slot[0] != app.offset or slot[1] > app.size or built.size > flash_map.size:
        raise WrongFlashMapError(
            f"the application is built for a flash of {built.size >> 10} KiB with "
            f"{built.differences(ours)[0]}: build it with this flash map, or give --partitions"
        )
    return [f"the application is built for parts of {built.size >> 10} KiB and more"]


def _check_mode(board: Board, mode: str) -> None:
    if mode not in {board.flash_mode, ANY_BOARD_MODE}:
        raise FlashModeError(
            f"{board.name} needs flash mode {board.flash_mode}: with {mode} writing seems to work, "
            "and the board then boots garbage"
        )


def check_size(plan: FlashPlan, size: int, chip: str) -> None:
    """Whether a part of `size` bytes on the chip esptool calls `chip` fits the plan.

    Raises FlashSizeError, and FlashModeError for the flash inside an ESP8285.
    """
    if size < plan.flash_size:
        raise FlashSizeError(
            f"the board has {size >> 10} KiB of flash, the flash map wants "
            f"{plan.flash_size >> 10} KiB: take a smaller map (partitions/), or another board"
        )
    if chip.startswith(_ESP8285) and plan.mode != ANY_BOARD_MODE:
        raise FlashModeError(
            f"this is an {chip}, whose flash takes mode dout only: it would boot garbage with "
            f"{plan.mode}; give --mode dout, or the right --board"
        )
