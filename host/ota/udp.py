"""Updates streamed from this machine over UDP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from contracts.ota import client
from contracts.ota.client import BROADCAST, Result
from contracts.ota.protocol import PORT, SignedStream
from contracts.ota.session import SessionOptions, SessionProgress

__all__ = ["send"]


async def send(
    stream: SignedStream,
    address: str | None = None,
    *,
    port: int = PORT,
    options: SessionOptions | None = None,
    progress: Callable[[SessionProgress], None] | None = None,
    broadcast: str = BROADCAST,
) -> Result:
    """contracts.ota.client.send over a UDP socket of this machine."""
    return await client.send(
        stream,
        address,
        open_endpoint=asyncio.get_running_loop().create_datagram_endpoint,
        port=port,
        options=options,
        progress=progress,
        broadcast=broadcast,
    )
