"""Ports of servers that are ended and begun again: nobody else gets them meanwhile."""

from __future__ import annotations

import atexit
import contextlib
import random
import socket

from hub.mqtt.ports import is_taken

__all__ = ["claimed_port"]

# Below what Linux gives to whoever asks for any port, or connects (32768 and above).
_RANGE = range(20_000, 32_000)


def claimed_port() -> int:
    """A free TCP port of 127.0.0.1 that is this process' until it ends.

    The claim is the UDP port of the same number, which other test processes see.
    """
    for port in random.sample(_RANGE, len(_RANGE)):
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with contextlib.suppress(OSError):
            claim.bind(("127.0.0.1", port))
            if not is_taken("127.0.0.1", port):
                atexit.register(claim.close)
                return port
        claim.close()
    raise OSError("no port is free")
