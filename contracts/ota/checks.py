"""What an image must be before a byte of it is sent."""

from __future__ import annotations

from contracts import image, trailer
from contracts.errors import (
    DowngradeError,
    FlashSizeError,
    TrailerError,
    WrongBoardError,
    WrongKeyError,
)
from contracts.flash_map import FlashMap
from contracts.image import Application
from contracts.ota.protocol import SignedStream
from contracts.versions import Version

__all__ = ["check_image", "check_stream"]


def check_image(
    data: bytes,
    flash_map: FlashMap,
    *,
    board: str | None = None,
    running: str | None = None,
    allow_downgrade: bool = False,
    modulus: bytes | None = None,
) -> list[str]:
    """What could not be checked, one sentence each; raises when the image must not be sent.

    `board` and `running` (a version) are what the device reported, None where that is not known;
    `modulus` is the key that a signed trailer must be by. Raises NotAnImageError,
    NotOtaBuildError, ChecksumError, TrailerError, FlashSizeError, WrongBoardError, DowngradeError,
    VersionError.
    """
    application = image.application(data)
    _check_fit(data, flash_map)
    notes = []
    if application.trailer is None:
        notes.append("the image has no trailer: its board and version are not known")
        return notes
    if modulus and application.trailer.signature:
        _check_signature(data, application, modulus)
    if board is None:
        notes.append("the device's board is not known: not compared")
    elif application.trailer.board not in {"", board}:
        raise WrongBoardError(
            f"the image is for the board {application.trailer.board}, the device is a {board}"
        )
    if running is None:
        notes.append("the version that the device runs is not known: not compared")
    elif not allow_downgrade:
        _check_version(application.trailer.version, running)
    return notes


def check_stream(stream: SignedStream, modulus: bytes) -> None:
    """Raises WrongKeyError unless every datagram is signed with the key of that modulus."""
    if not stream.signed_by(modulus):
        raise WrongKeyError("the canned update is not signed with this key")


def _check_fit(data: bytes, flash_map: FlashMap) -> None:
    slot = flash_map.app
    if len(data) > slot.size:
        raise FlashSizeError(
            f"the image has {len(data)} bytes, {len(data) - slot.size} more than its slot {slot}"
        )
    size = image.parse(data).flash_size
    if size is not None and size > flash_map.size:
        raise FlashSizeError(
            f"the image is built for {size >> 10} KiB of flash, the flash map describes "
            f"{flash_map.size >> 10} KiB"
        )


def _check_signature(data: bytes, application: Application, modulus: bytes) -> None:
    if application.trailer and not trailer.signed_by(data, application.trailer, modulus):
        raise TrailerError("the signature in the image's trailer is wrong, or by another key")


def _check_version(offered: str, running: str) -> None:
    if Version.parse(offered) < Version.parse(running):
        raise DowngradeError(
            f"the image has version {offered}, the device runs {running}; --allow-downgrade sends "
            "it all the same"
        )
