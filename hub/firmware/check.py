"""What an upload must be before it is kept: a whole, signed update that a board could take."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from contracts import image, signatures
from contracts import trailer as trailers
from contracts.errors import ContractError, FlashSizeError
from contracts.flash_map import SECTOR, FlashMap
from contracts.ota import canned
from contracts.ota.checks import check_image
from contracts.ota.protocol import SignedStream
from contracts.ota.signer import modulus_of
from hub.firmware.errors import ImageRefusedError, ImageTooLargeError

__all__ = ["MAX_UPLOAD", "CheckedImage", "check"]

MAX_UPLOAD = 3 << 20
"""Bytes of a canned file. The largest application (800 000) in datagrams of 128 bytes, half of the
usual, with 2048-bit signatures is 2.5 MB."""
_LARGEST = image.MAX_APPLICATION + SECTOR  # with the trailer and what pads it


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """An update that may be kept.

    `version` and `board` (empty: any) as its trailer says, `size` of the image in bytes, `digest`
    the canned file's SHA-256 in hex, `key` the fingerprint of the key that signed every datagram,
    `counter` the security counter (0: none).
    """

    version: str
    board: str
    size: int
    digest: str
    key: str
    counter: int


def check(data: bytes, flash_maps: Sequence[FlashMap] = ()) -> CheckedImage:
    """What a canned file holds; takes about 0.2 s for a whole application.

    It must fit one of the flash maps, if any are given: which of them a board has, the board knows.
    Raises ImageRefusedError with one line.
    """
    if len(data) > MAX_UPLOAD:
        raise ImageTooLargeError(MAX_UPLOAD)
    if not canned.is_canned(data):
        raise ImageRefusedError(
            "not a signed update: sign it first (`dormouse sign IMAGE --version 1.2.3`); the hub "
            "has no keys"
        )
    try:
        stream = canned.parse(data)
        _check_datagrams(stream)
        payload = stream.payload()
        trailer = image.application(payload).trailer
        if trailer is None:
            raise ImageRefusedError(
                "the image says no version: sign it again with `dormouse sign IMAGE --version "
                "1.2.3 --board BOARD`"
            )
        modulus = modulus_of(stream)
        if trailer.signature and not trailers.signed_by(payload, trailer, modulus):
            raise ImageRefusedError(
                "the image's trailer is signed with another key than its datagrams"
            )
        _check_fit(payload, flash_maps)
    except (ContractError, ValueError) as error:
        # ValueError: cryptography's, for numbers that cannot be a public key.
        raise ImageRefusedError(str(error)) from None
    digest = hashlib.sha256(data).hexdigest()
    return CheckedImage(
        trailer.version,
        trailer.board,
        len(payload),
        digest,
        signatures.fingerprint(modulus),
        trailer.counter if trailer.signature else 0,
    )


def _check_datagrams(stream: SignedStream) -> None:
    """Refuse what no OTA server takes: it writes when its sector's worth of data is full."""
    usual = stream.data[0].length
    if SECTOR % usual or any(d.length != usual for d in stream.data[:-1]):
        raise ImageRefusedError(
            f"datagrams that do not fill a sector of {SECTOR} bytes: no OTA server takes them"
        )


def _check_fit(payload: bytes, flash_maps: Sequence[FlashMap]) -> None:
    if len(payload) > _LARGEST:
        raise FlashSizeError(f"the image has {len(payload)} bytes; at most {_LARGEST} are taken")
    refused: FlashSizeError | None = None
    for flash_map in flash_maps:
        try:
            check_image(payload, flash_map)
        except FlashSizeError as error:
            refused = error
        else:
            return
    if refused:
        raise refused
