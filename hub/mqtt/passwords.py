"""Passwords of broker accounts, and their hashes in mosquitto's format."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets

__all__ = ["hash_password", "matches", "new_password"]

# Device passwords are 128 random bits: nothing to guess, and the broker hashes at every connect.
_ROUNDS = 101
_SALT = 12


def new_password() -> str:
    """A password of 128 random bits, as devices make them: 32 hex digits."""
    return secrets.token_hex(16)


def hash_password(password: str) -> str:
    """In mosquitto's format: `$7$rounds$salt$PBKDF2-HMAC-SHA512`, base64."""
    salt = os.urandom(_SALT)
    return f"$7${_ROUNDS}${_b64(salt)}${_b64(_derive(password, salt, _ROUNDS))}"


def matches(password: str, password_hash: str) -> bool:
    """Whether a password is the one hashed, in constant time; False for a malformed hash."""
    try:
        empty, kind, rounds, salt, digest = password_hash.split("$")
        derived = _derive(password, base64.b64decode(salt), int(rounds))
        expected = base64.b64decode(digest)
    except ValueError:
        return False
    return not empty and kind == "7" and hmac.compare_digest(derived, expected)


def _derive(password: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(errors="surrogatepass"), salt, rounds)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
