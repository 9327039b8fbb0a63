"""Ends the session that a broker keeps for an account, with all that waits in it."""

from __future__ import annotations

import asyncio
import contextlib
import struct

__all__ = ["end_session"]

_WITHIN_S, _PAUSE_S = 5.0, 0.1
_CLEAN, _PASSWORD, _USER = 0x02, 0x40, 0x80


async def end_session(host: str, port: int, name: str, password: str) -> bool:
    """Connect once as an account with a clean session (MQTT 3.1.1), and leave; whether it was.

    The broker may not know of the password yet: it is tried again for a few seconds.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_WITHIN_S):
            while not await _connected(host, port, name, password):  # noqa: ASYNC110  # it is another process's
                await asyncio.sleep(_PAUSE_S)
            return True
    return False


async def _connected(host: str, port: int, name: str, password: str) -> bool:
    body = _text("MQTT") + bytes([4, _CLEAN | _PASSWORD | _USER]) + struct.pack("!H", 10)
    body += _text(name) + _text(name) + _text(password)
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    try:
        # A name has 64 characters at most: two bytes say the length.
        writer.write(bytes([0x10, 0x80 | len(body) & 0x7F, len(body) >> 7]) + body)
        answer = await reader.readexactly(4)
        writer.write(b"\xe0\x00")
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        return False
    finally:
        writer.close()
    return answer[0] == 0x20 and answer[3] == 0


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data
