"""Passwords of broker accounts, and their hashes in mosquitto's format."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets

__all__ = ["hash_password", "matches", "new_password"]

# Device passwords are 128 random bits: there is nothing to guess that a slow hash would hinder,
# while the broker pays for it at every wake (mosquitto's usual 101 rounds of PBKDF2 halve what it
# can serve). So its other form, one SHA-512 over password and salt.
_SALT = 12


def new_password() -> str:
    """A password of 128 random bits, as devices make them: 32 hex digits."""
    return secrets.token_hex(16)


def hash_password(password: str) -> str:
    """In mosquitto's format: `$6$salt$SHA512(password + salt)`, base64."""
    salt = os.urandom(_SALT)
    return f"$6${_b64(salt)}${_b64(_digest(password, salt))}"


def matches(password: str, password_hash: str) -> bool:
    """Whether a password is the one hashed, in constant time; False for a malformed hash.

    Hashes that mosquitto_passwd made (`$7$rounds$salt$PBKDF2-HMAC-SHA512`) are understood too.
    """
    try:
        match password_hash.split("$"):
            case ["", "6", salt, digest]:
                derived = _digest(password, base64.b64decode(salt))
            case ["", "7", rounds, salt, digest]:
                raw = password.encode(errors="surrogatepass")
                derived = hashlib.pbkdf2_hmac("sha512", raw, base64.b64decode(salt), int(rounds))
            case _:
                return False
        return hmac.compare_digest(derived, base64.b64decode(digest))
    except ValueError:
        return False


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.sha512(password.encode(errors="surrogatepass") + salt).digest()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
