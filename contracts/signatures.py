"""The key that signs updates: what it may be, and what is signed with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from contracts.errors import KeyFileError, WeakKeyError

__all__ = ["EXPONENT", "SIZES", "Key", "carries", "fingerprint", "parse_pem"]

EXPONENT = 3
"""yaota8266's servers have this public exponent built in."""
SIZES = (512, 768, 1024, 1536, 2048)
"""Bits. 512: the least that holds a SHA-256 signature; 2048: with 256 bytes of data a datagram is
532 bytes, and over 548 they have been reported not to arrive."""


@dataclass(frozen=True)
class Key:
    """A private RSA key with exponent 3 and a size of SIZES."""

    private: rsa.RSAPrivateKey

    @property
    def bits(self) -> int:
        """The size of the modulus."""
        return self.private.key_size

    @property
    def modulus(self) -> bytes:
        """The public modulus, big-endian, `bits` / 8 bytes."""
        return self.private.public_key().public_numbers().n.to_bytes(self.bits // 8, "big")

    @property
    def name(self) -> str:
        """Sixteen hex digits that stand for the public key in messages."""
        return fingerprint(self.modulus)

    def sign_plain(self, message: bytes) -> bytes:
        """The RSA signature over 00 01 FF.. 00 `message`, without hash or DigestInfo."""
        return self.private.sign(message, padding.PKCS1v15(), utils.NoDigestInfo())

    def sign_sha256(self, message: bytes) -> bytes:
        """The PKCS#1 v1.5 signature with SHA-256 and its DigestInfo, as in an image's trailer."""
        return self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def pem(self) -> bytes:
        """The key as an unencrypted PEM file (PKCS#1, which yaota8266's own tools read too)."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )


def fingerprint(modulus: bytes) -> str:
    """Sixteen hex digits that stand for a public key in messages; `modulus` big-endian."""
    return hashlib.sha256(modulus).hexdigest()[:16]


def parse_pem(data: bytes, where: str) -> Key:
    """The key in a PEM file's bytes; `where` names them in errors.

    Raises KeyFileError for anything but an unencrypted RSA private key, WeakKeyError for an
    exponent or a size that no bootloader takes.
    """
    try:
        private = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyFileError(f"{where}: no unencrypted RSA private key in PEM form") from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise KeyFileError(f"{where}: a private key, but not an RSA one")
    exponent = private.public_key().public_numbers().e
    if exponent != EXPONENT:
        raise WeakKeyError(
            f"{where}: public exponent {exponent}; yaota8266 needs {EXPONENT} "
            "(openssl genrsa -3, or `dormouse keys new`)"
        )
    if private.key_size not in SIZES:
        raise WeakKeyError(
            f"{where}: {private.key_size} bits; a bootloader takes {', '.join(map(str, SIZES))}"
        )
    return Key(private)


def carries(image: bytes, modulus: bytes) -> bool:
    """Whether a bootloader image holds the modulus, big-endian as C string or little-endian."""
    return modulus in image or modulus[::-1] in image
