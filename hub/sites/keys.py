"""WireGuard's keys: X25519 and a shared one of 32 bytes, as base64."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

__all__ = ["KeyPair", "shared_key"]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """As `wg genkey` and `wg pubkey` make them."""

    private: str = field(repr=False)
    public: str

    @classmethod
    def make(cls) -> KeyPair:
        """A new pair."""
        key = X25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        return cls(_text(key.private_bytes_raw()), _text(public))


def shared_key() -> str:
    """As `wg genpsk` makes it: it keeps what was recorded safe, were X25519 broken one day."""
    return _text(secrets.token_bytes(32))


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()
