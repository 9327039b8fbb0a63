"""yaota8266's wire protocol: datagrams, their signatures, the server's answers."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from contracts.signatures import EXPONENT, Key

__all__ = [
    "DATA_SIZE",
    "END_COPIES",
    "PORT",
    "Answer",
    "Datagram",
    "SignedStream",
    "build",
    "is_signed_by",
    "parse_answer",
    "parse_datagram",
    "renumbered",
    "sign",
    "signature_size",
    "signed_block",
]

PORT = 8266
DATA_SIZE = 256
"""Bytes of firmware in a datagram, as upstream: those over 548 bytes were reported not to arrive,
and a server takes only what fills its 4096-byte buffer exactly."""
END_COPIES = 3
"""The end datagram is not answered, so it is sent three times."""
_SEQ = struct.Struct("<I")
_HEADER = struct.Struct("<HHI")
_BLOCK = 16
_AES_KEY = b"\x01" * 16  # the protocol has room for encryption; servers have it switched off
_ANSWER_SIZE = 20


class Datagram(NamedTuple):
    """One signed datagram; `length` bytes of data for `offset`, 0 for the end."""

    seq: int
    offset: int
    length: int
    raw: bytes


class Answer(NamedTuple):
    """What a server sends back for a datagram that it took, or took before."""

    seq: int
    op: int
    length: int
    offset: int


@dataclass(frozen=True, slots=True)
class SignedStream:
    """A whole signed update: data datagrams from offset 0 without gaps, then the end datagrams."""

    data: tuple[Datagram, ...]
    end: tuple[Datagram, ...]

    def __len__(self) -> int:
        return len(self.data) + len(self.end)

    @property
    def size(self) -> int:
        """Bytes of the image."""
        last = self.data[-1]
        return last.offset + last.length

    @property
    def key_bits(self) -> int:
        """The size of the key it was signed with."""
        return signature_size(self.data[0]) * 8

    def payload(self) -> bytes:
        """The image that it carries."""
        start = _SEQ.size + _HEADER.size
        return b"".join(d.raw[start : start + d.length] for d in self.data)

    def signed_by(self, modulus: bytes) -> bool:
        """Whether every datagram's signature is right for the key of that modulus."""
        return all(is_signed_by(d, modulus) for d in (*self.data, *self.end))


def sign(part: bytes, key: Key) -> bytes:
    """The signature of a signed part: RSA over 00 01 FF.. 00, the AES key and the SHA-1."""
    return key.sign_plain(_AES_KEY + hashlib.sha1(part, usedforsecurity=False).digest())


def build(
    image: bytes, key: Key, progress: Callable[[int, int], None] | None = None
) -> SignedStream:
    """Sign an image for streaming, about 0.5 ms a datagram with 2048 bits.

    `progress` is called with bytes signed and bytes in all. Sequence numbers count from 1.
    """
    data: list[Datagram] = []
    for offset in range(0, len(image), DATA_SIZE):
        chunk = image[offset : offset + DATA_SIZE]
        data.append(_datagram(len(data) + 1, offset, chunk, key))
        if progress:
            progress(offset + len(chunk), len(image))
    end = [_datagram(len(data) + 1 + n, 0, b"", key) for n in range(END_COPIES)]
    return SignedStream(tuple(data), tuple(end))


def _datagram(seq: int, offset: int, data: bytes, key: Key) -> Datagram:
    part = _HEADER.pack(0, len(data), offset) + data
    part += b"\0" * (-len(part) % _BLOCK)
    return Datagram(seq, offset, len(data), _SEQ.pack(seq) + part + sign(part, key))


def parse_datagram(raw: bytes) -> Datagram | None:
    """A datagram from its bytes, None if it cannot be one; its signature is not checked."""
    if len(raw) < _SEQ.size + _BLOCK:
        return None
    (seq,) = _SEQ.unpack_from(raw)
    op, length, offset = _HEADER.unpack_from(raw, _SEQ.size)
    datagram = Datagram(seq, offset, length, raw)
    return datagram if op == 0 and signature_size(datagram) >= 64 else None


def signature_size(datagram: Datagram) -> int:
    """Bytes of the signature at its end: what the sequence number and the signed part leave."""
    signed = _HEADER.size + datagram.length
    return len(datagram.raw) - _SEQ.size - (signed + -signed % _BLOCK)


def is_signed_by(datagram: Datagram, modulus: bytes) -> bool:
    """Whether every byte of the signature is as it must be for the key of that modulus."""
    size = len(modulus)
    if signature_size(datagram) != size:
        return False
    number = pow(
        int.from_bytes(datagram.raw[-size:], "big"), EXPONENT, int.from_bytes(modulus, "big")
    )
    return number.to_bytes(size, "big") == signed_block(datagram, size)


def signed_block(datagram: Datagram, size: int) -> bytes:
    """What the right signature of a datagram is the cube root of: `size` bytes, as the modulus."""
    digest = hashlib.sha1(datagram.raw[_SEQ.size : -size], usedforsecurity=False).digest()
    message = b"\0" + _AES_KEY + digest
    return b"\0\1" + b"\xff" * (size - 2 - len(message)) + message


def renumbered(raw: bytes, seq: int) -> bytes:
    """The same datagram with another sequence number, which no signature covers."""
    return _SEQ.pack(seq) + raw[_SEQ.size :]


def parse_answer(raw: bytes) -> Answer | None:
    """A server's answer from its bytes, None if it cannot be one."""
    if len(raw) != _ANSWER_SIZE:
        return None
    (seq,) = _SEQ.unpack_from(raw)
    op, length, offset = _HEADER.unpack_from(raw, _SEQ.size)
    return Answer(seq, op, length, offset) if op == 0 else None
