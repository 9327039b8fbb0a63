"""Canned updates: signed once, sent by whoever has the file; byte-compatible with yaota8266."""

from __future__ import annotations

import hashlib
import struct

from contracts.ota.errors import CannedFileError
from contracts.ota.protocol import Datagram, SignedStream, parse_datagram

__all__ = ["dump", "is_canned", "parse"]

_MAGIC = b"yaota8266\x01"
_LENGTH = struct.Struct("<H")
_SHA1_SIZE = 20


def is_canned(data: bytes) -> bool:
    """Whether a file's bytes begin as a canned update does."""
    return data.startswith(_MAGIC)


def dump(stream: SignedStream) -> bytes:
    """The bytes of the canned file."""
    parts = [_MAGIC]
    for datagram in (*stream.data, *stream.end):
        parts += [_LENGTH.pack(len(datagram.raw)), datagram.raw]
    body = b"".join(parts)
    # The closing zero length is not part of the digest.
    return body + _LENGTH.pack(0) + hashlib.sha1(body, usedforsecurity=False).digest()


def parse(data: bytes) -> SignedStream:
    """The update in a canned file. Raises CannedFileError when it is damaged."""
    if not is_canned(data):
        raise CannedFileError("not a canned update (it does not begin with 'yaota8266')")
    datagrams, end = _datagrams(data)
    digest = data[end + _LENGTH.size :]
    if digest != hashlib.sha1(data[:end], usedforsecurity=False).digest():
        raise CannedFileError("the canned update is damaged: its SHA-1 is wrong")
    return _stream(datagrams)


def _datagrams(data: bytes) -> tuple[list[Datagram], int]:
    datagrams: list[Datagram] = []
    offset = len(_MAGIC)
    while True:
        if offset + _LENGTH.size > len(data) - _SHA1_SIZE:
            raise CannedFileError("the canned update is cut short")
        (length,) = _LENGTH.unpack_from(data, offset)
        if length == 0:
            return datagrams, offset
        offset += _LENGTH.size
        if offset + length > len(data) - _SHA1_SIZE:
            raise CannedFileError("the canned update is cut short")
        datagram = parse_datagram(data[offset : offset + length])
        if datagram is None:
            raise CannedFileError(f"the canned update is damaged: datagram {len(datagrams) + 1}")
        datagrams.append(datagram)
        offset += length


def _stream(datagrams: list[Datagram]) -> SignedStream:
    data = [d for d in datagrams if d.length]
    end = datagrams[len(data) :]
    expected = 0
    for datagram in data:
        if datagram.offset != expected:
            raise CannedFileError(f"the canned update has a gap at {expected:#x}")
        expected += datagram.length
    if not data or not end or any(d.length for d in end):
        raise CannedFileError("the canned update has no data or no end datagram")
    return SignedStream(tuple(data), tuple(end))
