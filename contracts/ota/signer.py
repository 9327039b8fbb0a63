"""Whose key an update is signed with, learnt from the signatures alone.

With public exponent 3 every signature s of a block m has s**3 - m as a multiple of the modulus, so
the modulus is the greatest common divisor of a few of them. Signatures by two keys have none in
common.
"""

from __future__ import annotations

from math import gcd

from contracts.errors import WrongKeyError
from contracts.ota.protocol import Datagram, SignedStream, signature_size, signed_block
from contracts.signatures import SIZES

__all__ = ["modulus_of"]

# Each further datagram halves, at least, what the divisor has besides the modulus.
_ENOUGH = 64


def modulus_of(stream: SignedStream) -> bytes:
    """The modulus (big-endian) of the one key that signed every datagram.

    Raises WrongKeyError when there is no such key, or one of a size that no bootloader takes.
    """
    size = signature_size(stream.data[0])
    if size * 8 not in SIZES:
        raise WrongKeyError(f"signatures of {size * 8} bits: no bootloader takes such a key")
    common = 0
    for datagram in (*stream.data, *stream.end)[:_ENOUGH]:
        common = gcd(common, _multiple(datagram, size))
        if common.bit_length() <= size * 8:
            break
    if common.bit_length() != size * 8:
        raise WrongKeyError("the datagrams are not signed, or not all with the same key")
    modulus = common.to_bytes(size, "big")
    if not stream.signed_by(modulus):
        raise WrongKeyError("the datagrams are not all signed with the same key")
    return modulus


def _multiple(datagram: Datagram, size: int) -> int:
    """A multiple of the modulus, if the signature is right; 0 says nothing."""
    if signature_size(datagram) != size:
        return 1
    signature = int.from_bytes(datagram.raw[-size:], "big")
    cube = signature * signature * signature
    return abs(cube - int.from_bytes(signed_block(datagram, size), "big"))
