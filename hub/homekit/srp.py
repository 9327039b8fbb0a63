"""Pairing's password proof (SRP) with every number at its full length.

HAP-python drops leading zero bytes of the public key, the shared secret and the session key, which
the controller keeps: about one pairing in 85 failed with the right code. It also takes a public key
of zero, which makes the session key one that everybody knows, whatever the code is.
"""

from __future__ import annotations

import hashlib
from typing import Any

from pyhap import hap_handler, hsrp
from pyhap.params import get_srp_context

__all__ = ["verifier"]

# The group's 3072 bits, and a SHA-512 digest (HAP specification 5.5).
_KEY = 384
_DIGEST = 64


def _whole(number: int) -> bytes:
    """A session key or a public key: nothing else is as long as either, or as short."""
    return number.to_bytes(_DIGEST if number < 1 << 8 * _DIGEST else _KEY, "big")


# The two numbers that the handler turns into bytes by itself.
hap_handler.long_to_bytes = _whole


class _Server(hsrp.Server):  # type: ignore[misc]  # pyhap is untyped
    proved = False
    """Whether the controller has shown that it knows the code."""

    def set_A(self, bytes_A: bytes) -> None:  # noqa: N802, N803  # HAP-python's names
        self.Bb = _whole(self.B)
        super().set_A(bytes_A)
        self.Sb = self.S.to_bytes(_KEY, "big")
        self.Kb = self._digest(self.Sb)
        self.K = int.from_bytes(self.Kb, "big")
        self.M = self._get_M()
        self.HAMK = self._get_HAMK()

    def verify(self, M: bytes) -> bytes | None:  # noqa: N803  # HAP-python's name
        # RFC 5054, 2.5.4: a multiple of the group's prime is no public key.
        self.proved = bool(self.A % self.N) and super().verify(M) is not None
        return self.HAMK if self.proved else None


def verifier(pin: bytes, **chosen: Any) -> _Server:
    """The server's side of one pairing. `chosen` fixes salt `s` and secret `b` (tests)."""
    return _Server(get_srp_context(3072, hashlib.sha512, 16), b"Pair-Setup", pin, **chosen)
