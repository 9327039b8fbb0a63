"""Addresses of their own for virtual devices on this machine: 127.x.y.z, all of them loopback."""

from __future__ import annotations

import secrets
import socket

from contracts.ota.protocol import PORT
from host.twin.errors import NoAddressError

__all__ = ["Address", "claim"]

# Bound for as long as an address is held, on it: the OTA server's own port must stay free.
_CLAIM_PORT = PORT + 1
_TRIES = 64


class Address:
    """An address that no other virtual device of this machine has, until it is released."""

    def __init__(self, text: str, claim: socket.socket) -> None:
        self.text = text
        self._claim = claim

    @property
    def subnet(self) -> str:
        """The first three numbers, as the world's WiFi has them."""
        return self.text.rpartition(".")[0]

    @property
    def host(self) -> int:
        """The last number."""
        return int(self.text.rpartition(".")[2])

    def release(self) -> None:
        """Let others have it."""
        self._claim.close()


def claim() -> Address:
    """A free address, drawn by lot: devices of other runs and tests draw theirs.

    Raises NoAddressError where the system has 127.0.0.1 only.
    """
    for _ in range(_TRIES):
        # 127.0.* is what other programs use.
        numbers = (1 + secrets.randbelow(254), secrets.randbelow(256), 2 + secrets.randbelow(253))
        text = "127." + ".".join(map(str, numbers))
        holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            holder.bind((text, _CLAIM_PORT))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((text, PORT))
        except OSError:
            holder.close()
            continue
        return Address(text, holder)
    raise NoAddressError
