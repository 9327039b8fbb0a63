"""Updates streamed from this machine over UDP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from contracts.ota import client
from contracts.ota.client import BROADCAST, Result
from contracts.ota.protocol import PORT, Stream
from contracts.ota.session import Options, Progress

__all__ = ["send"]


async def send(
    stream: Stream,
    address: str | None = None,
    *,
    port: int = PORT,
    options: Options | None = None,
    progress: Callable[[Progress], None] | None = None,
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
