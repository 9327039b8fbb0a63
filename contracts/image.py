"""ESP8266 images: what they are, whether they are whole, and how an application is put together."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import xor

from contracts import trailer as trailers
from contracts.errors import ChecksumError, FlashSizeError, NotAnImageError, NotOtaBuildError
from contracts.signatures import Key
from contracts.trailer import MD5_SIZE, Trailer

__all__ = [
    "COUNTER_SIZE",
    "IROM",
    "MAX_APPLICATION",
    "Application",
    "EspImage",
    "ImageKind",
    "Segment",
    "application",
    "build_application",
    "parse",
    "stamp",
    "words_for_plain_build",
]

MAGIC = 0xE9
IROM = 0x9000
"""Where irom0 text begins in an application; its header and RAM segments lie before."""
COUNTER_SIZE = 2048
"""Bytes before the slot that hold the security counter."""
MAX_APPLICATION = 800_000
"""Bytes that `size` may be: the bootloader takes anything larger for erased or damaged flash."""
_SIZE_AT = IROM - 4
_FLASH_BASE = 0x40200000  # flash is mapped here, from the MiB that the application lies in
_PLAIN_IROM = _FLASH_BASE + IROM  # irom text of a build that lies at 0x0 in flash
_OTA_SLOT = 0x3C000
_FEW_WORDS = 32  # constants that look like such addresses by chance; a plain build has hundreds
_V2_MAGIC = 0xEA
_SECTOR_0 = 0x1000
_CHECKSUM_SEED = 0xEF
_MODES = ("qio", "qout", "dio", "dout")
_FLASH_SIZES = {  # the upper half of byte 3
    0: 512 << 10,
    1: 256 << 10,
    2: 1 << 20,
    3: 2 << 20,
    4: 4 << 20,
    5: 2 << 20,
    6: 4 << 20,
    8: 8 << 20,
    9: 16 << 20,
}


class ImageKind(StrEnum):
    """What an image is."""

    OTA = "application for the update slot (OTA build)"
    PLAIN = "application for 0x0 (not an OTA build)"
    MERGED = "bootloader with what follows it, for 0x0"
    BOOTLOADER = "bootloader, one sector, for 0x0"
    SEGMENTS = "RAM segments without irom text (half of an application, or cut short)"


@dataclass(frozen=True, slots=True)
class Segment:
    """A part that is copied to RAM at `address`; `offset` is where its data lies in the file."""

    address: int
    offset: int
    size: int

    @property
    def end(self) -> int:
        """The first byte of the file after its data."""
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class Application:
    """The container around an application: `size` without MD5, its MD5 as stored and as it is."""

    size: int
    md5: bytes
    computed_md5: bytes
    trailer: Trailer | None

    @property
    def whole(self) -> bool:
        """Whether the MD5 is right."""
        return self.md5 == self.computed_md5

    @property
    def signed(self) -> bool:
        """Whether there is a signature in its trailer, by whatever key."""
        return self.trailer is not None and bool(self.trailer.signature)

    @property
    def end(self) -> int:
        """Bytes that the application and its trailer take in flash."""
        return self.trailer.end if self.trailer else self.size + MD5_SIZE


@dataclass(frozen=True, slots=True)
class EspImage:
    """A parsed image; `flash_size` (bytes) and `flash_mode` as its header says, None if unknown."""

    kind: ImageKind
    entry: int
    flash_mode: str | None
    flash_size: int | None
    segments: tuple[Segment, ...]
    application: Application | None


def parse(data: bytes) -> EspImage:
    """What an image's bytes say.

    Raises NotAnImageError for anything that is no ESP8266 image or is cut short, TrailerError for
    a damaged trailer. A wrong MD5 is no error here: see Application.whole.
    """
    if data[:1] == bytes([_V2_MAGIC]):
        raise NotAnImageError(
            "an image for Espressif's own bootloader (EA), which is not used here"
        )
    if len(data) < 8 or data[0] != MAGIC:
        raise NotAnImageError("not an ESP8266 image (it does not begin with E9)")
    count, mode, size_speed, entry = struct.unpack_from("<xBBBI", data)
    segments = _segments(data, count)
    trailing_application = _application(data, segments)
    return EspImage(
        _kind(data, segments, trailing_application),
        entry,
        _MODES[mode] if mode < len(_MODES) else None,
        _FLASH_SIZES.get(size_speed >> 4),
        segments,
        trailing_application,
    )


def _segments(data: bytes, count: int) -> tuple[Segment, ...]:
    if not 1 <= count <= 16:
        raise NotAnImageError(f"not an ESP8266 image (a header with {count} segments)")
    segments = []
    offset = 8
    for number in range(1, count + 1):
        if offset + 8 > len(data):
            raise NotAnImageError(f"the image is cut short before segment {number} of {count}")
        address, size = struct.unpack_from("<II", data, offset)
        segment = Segment(address, offset + 8, size)
        if segment.end > len(data):
            raise NotAnImageError(f"the image is cut short in segment {number} of {count}")
        segments.append(segment)
        offset = segment.end
    return tuple(segments)


def _is_merged(data: bytes, segments: tuple[Segment, ...]) -> bool:
    # A bootloader is one sector, and what follows it begins on the next. yaota8266's has one
    # segment, ours two.
    if len(data) <= _SECTOR_0:
        return False
    return data[1] == 1 or (segments[-1].end < _SECTOR_0 and data[_SECTOR_0] == MAGIC)


def _application(data: bytes, segments: tuple[Segment, ...]) -> Application | None:
    if _is_merged(data, segments) or len(data) < IROM or segments[-1].end > _SIZE_AT:
        return None
    (size,) = struct.unpack_from("<I", data, _SIZE_AT)
    if size < IROM or size == 0xFFFFFFFF:
        return None
    if size > MAX_APPLICATION:
        raise NotAnImageError(f"the application says it has {size} bytes; at most 800000 are taken")
    if size + MD5_SIZE > len(data):
        raise NotAnImageError(f"the image is cut short: {len(data)} of {size + MD5_SIZE} bytes")
    md5 = hashlib.md5(data[4:size], usedforsecurity=False).digest()
    return Application(size, data[size : size + MD5_SIZE], md5, trailers.read(data, size))


def _kind(data: bytes, segments: tuple[Segment, ...], application: Application | None) -> ImageKind:
    if _is_merged(data, segments):
        return ImageKind.MERGED
    if application is None:
        return ImageKind.BOOTLOADER if len(data) <= 0x1000 else ImageKind.SEGMENTS
    return ImageKind.PLAIN if words_for_plain_build(data) > _FEW_WORDS else ImageKind.OTA


def words_for_plain_build(data: bytes, slot: int = _OTA_SLOT) -> int:
    """How many aligned words of the first 0x9000 bytes point where only a build for 0x0 has text.

    That is from 0x40209000 up to where a build for the slot begins (0x40245000). A real OTA build
    has (almost) none, one for 0x0 has hundreds.
    """
    head = data[: min(IROM, len(data)) & ~3]
    end = _FLASH_BASE + slot + IROM
    return sum(_PLAIN_IROM <= word < end for (word,) in struct.iter_unpack("<I", head))


def application(data: bytes) -> Application:
    """The application in an OTA build.

    Raises NotAnImageError, NotOtaBuildError for any other image, ChecksumError for a wrong MD5 and
    TrailerError for a damaged trailer.
    """
    image = parse(data)
    if image.kind is ImageKind.PLAIN:
        raise NotOtaBuildError(
            "linked for 0x0, not for the update slot: it would crash there with Fatal exception (0)"
        )
    if image.kind is not ImageKind.OTA or image.application is None:
        raise NotOtaBuildError(f"not an application for the update slot but: {image.kind}")
    if not image.application.whole:
        raise ChecksumError("the image is damaged: its MD5 is wrong")
    return image.application


def stamp(
    data: bytes,
    version: str,
    board: str = "",
    key: Key | None = None,
    counter: int | None = None,
) -> bytes:
    """An OTA build with version and board in its trailer, signed if a key is given.

    `counter` is its security counter, None for the version's number.

    A trailer that is there already is replaced. Raises what `application` and `trailer.append` do.
    """
    return trailers.append(data, application(data).size, version, board, key, counter=counter)


def build_application(
    irom: bytes,
    segments: Sequence[tuple[int, bytes]] = ((0x40100000, b"\0" * 16), (0x3FFE8000, b"\0" * 16)),
    *,
    entry: int = 0x40100000,
    flash_mode: str = "dio",
    flash_size: int = 1 << 20,
) -> bytes:
    """An application image as MicroPython's build makes it, around any irom bytes.

    `segments` are (address, data) in RAM, two at least, since one marks a bootloader. The result
    begins with the header and ends with the MD5; `stamp` adds the trailer. Raises FlashSizeError
    when something does not fit.
    """
    size_code = next(code for code, size in _FLASH_SIZES.items() if size == flash_size)
    head = struct.pack(
        "<BBBBI", MAGIC, len(segments), _MODES.index(flash_mode), size_code << 4, entry
    )
    for address, data in segments:
        head += struct.pack("<II", address, len(data)) + data
    checksum = reduce(xor, b"".join(data for _, data in segments), _CHECKSUM_SEED)
    head += b"\0" * (15 - len(head) % 16) + bytes([checksum])
    size = IROM + len(irom)
    if len(head) > _SIZE_AT or size > MAX_APPLICATION:
        raise FlashSizeError(
            f"an application of {size} bytes with {len(head)} before irom: too big"
        )
    image = head.ljust(_SIZE_AT, b"\xff") + struct.pack("<I", size) + irom
    return image + hashlib.md5(image[4:], usedforsecurity=False).digest()
