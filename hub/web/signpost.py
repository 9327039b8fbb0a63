"""The HTTP port of a worker that waits for the duties: it says where the pages are just now."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Awaitable, Callable

__all__ = ["Signpost", "answer", "request_line"]

# A request line and headers as browsers send them.
_MOST_BYTES, _MOST_LINES = 16_384, 100
_PATH = re.compile(rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[!-~]*) HTTP/1\.[01]\r?\n")


def answer(request: bytes, there: str | None) -> bytes:
    """What is answered to a request's first line; `there` is the pages' address, None: nobody's.

    `/healthz` is never sent on: whoever shares out requests is to choose the other worker.
    """
    found = _PATH.fullmatch(request)
    path = found[1].decode("ascii") if found else ""
    if not path:
        head, text = "400 Bad Request", "this is no request that is understood here"
    elif there is None or path.partition("?")[0] == "/healthz":
        head, text = "503 Service Unavailable", "this worker waits for the duties of another"
        head += "\r\nRetry-After: 2"
    else:
        head, text = f"307 Temporary Redirect\r\nLocation: {there}{path}", "the pages are there"
    return (
        f"HTTP/1.1 {head}\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\n"
        f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}"
    ).encode("ascii")


class Signpost:
    """Answers at a bound socket from `start` to `stop`; `where` says where the pages are."""

    MOST = 64  # connections at once: each is over in a moment
    WITHIN_S = 5.0

    def __init__(
        self, listening: socket.socket, where: Callable[[], Awaitable[str | None]]
    ) -> None:
        self._socket, self._where = listening, where
        self._open = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, sock=self._socket, limit=_MOST_BYTES)

    async def stop(self) -> None:
        """Leave the port to others."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= self.MOST:
                async with asyncio.timeout(self.WITHIN_S):
                    await self._answer(reader, writer)
        except (OSError, ValueError, TimeoutError):
            pass  # whoever it was does not speak HTTP, or is gone
        finally:
            self._open -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await request_line(reader), await self._where()))
        await writer.drain()


async def request_line(reader: asyncio.StreamReader) -> bytes:
    """A request's first line; its headers are read and forgotten. Raises ValueError, OSError."""
    first = await reader.readline()
    for _ in range(_MOST_LINES):
        if not (await reader.readline()).strip():
            break
    return first
