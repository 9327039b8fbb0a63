"""The trailer after an application's MD5: version, board, counter, signature (docs/images.md)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from contracts.errors import TrailerError, VersionError
from contracts.signatures import EXPONENT, Key
from contracts.versions import Version

__all__ = ["MAX_COUNTER", "MD5_SIZE", "Trailer", "append", "place", "read", "signed_by"]

MD5_SIZE = 16
MAX_COUNTER = 0xFFFFFFFF
"""The largest security counter; after an image that has it no newer one could be told by it."""
_MAGIC = b"DORMOUSE"
_FORMAT = 1
_HEAD = struct.Struct("<8sHHIII24s32s")
_BOARD = struct.Struct("<28sI")  # the same 32 bytes where the board ends with a NUL
_START_MASK = 0x0000FFFF  # flash mode, size and speed belong to the board: esptool changes them
_UNSIGNED_START = 4  # as for the MD5: the first word is covered by its copy in the trailer


@dataclass(frozen=True, slots=True)
class Trailer:
    """What the trailer says; `offset` is where in the image it begins.

    `board` is empty for any board, `signature` is empty for a stamp without one. `counter` is the
    security counter, 0 where the image has none.
    """

    version: str
    board: str
    counter: int
    signature: bytes
    offset: int

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.offset + _HEAD.size + len(self.signature)

    @property
    def signed_end(self) -> int:
        """The first byte that the signature does not cover."""
        return self.offset + _HEAD.size


def place(size: int) -> int:
    """Where the trailer of an application of `size` (MD5 not counted) begins."""
    return (size + MD5_SIZE + 3) & ~3


def read(image: bytes, size: int) -> Trailer | None:
    """The trailer of an application image, None if there is none.

    Raises TrailerError when there is one that does not belong to this image or is cut short.
    """
    offset = place(size)
    if image[offset : offset + len(_MAGIC)] != _MAGIC:
        return None
    if len(image) < offset + _HEAD.size:
        raise TrailerError("the image's trailer is cut short")
    head = _HEAD.unpack_from(image, offset)
    _, form, length, start, stated_size, number, version, field = head
    if form != _FORMAT:
        raise TrailerError(f"the image's trailer has format {form}; this program knows {_FORMAT}")
    if (start, stated_size) != (_start(image), size):
        raise TrailerError("the image's trailer belongs to another image")
    board, counter = _BOARD.unpack(field)
    if board[-1]:  # of 28 to 32 characters, as images without a counter may have it
        board, counter = field, 0
    signature = image[offset + _HEAD.size :][:length]
    trailer = Trailer(_text(version), _text(board), counter, signature, offset)
    if len(trailer.signature) != length:
        raise TrailerError("the image's signature is cut short")
    _check_version(trailer.version, number)
    return trailer


def append(
    image: bytes,
    size: int,
    version: str,
    board: str,
    key: Key | None,
    *,
    counter: int | None = None,
) -> bytes:
    """The image up to its MD5 with a new trailer; without a key a stamp without signature.

    `counter` is the security counter, None for the version's number; a stamp without signature
    proves nothing and has none. Raises VersionError for a version that is not 1.2.3, TrailerError
    for what does not fit.
    """
    number = Version.parse(version).number
    if counter is None or key is None:
        counter = number if key else 0
    if not 0 <= counter <= MAX_COUNTER:
        raise TrailerError(f"security counter {counter}: it is from 0 to {MAX_COUNTER}")
    for what, text, room in (("version", version, 24), ("board", board, 27)):
        if not text.isascii() or len(text) > room:
            raise TrailerError(f"{what} '{text}': at most {room} ASCII characters fit the trailer")
    body = image[: size + MD5_SIZE]
    body += b"\xff" * (place(size) - len(body))
    body += _HEAD.pack(
        _MAGIC,
        _FORMAT,
        key.bits // 8 if key else 0,
        _start(image),
        size,
        number,
        version.encode(),
        _BOARD.pack(board.encode(), counter),
    )
    return body + key.sign_sha256(body[_UNSIGNED_START:]) if key else body


def signed_by(image: bytes, trailer: Trailer, modulus: bytes) -> bool:
    """Whether the signature is right and was made with the key of that modulus (big-endian)."""
    if len(trailer.signature) != len(modulus):
        return False
    public = rsa.RSAPublicNumbers(EXPONENT, int.from_bytes(modulus, "big")).public_key()
    signed = image[_UNSIGNED_START : trailer.signed_end]
    try:
        public.verify(trailer.signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _start(image: bytes) -> int:
    return int.from_bytes(image[:4], "little") & _START_MASK


def _text(field: bytes) -> str:
    try:
        return field.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        raise TrailerError("the image's trailer is damaged: a text in it is not ASCII") from None


def _check_version(text: str, number: int) -> None:
    try:
        if Version.parse(text).number == number:
            return
    except VersionError:
        pass
    raise TrailerError(
        f"the image's trailer is damaged: version '{text}' is not number {number:#x}"
    )
