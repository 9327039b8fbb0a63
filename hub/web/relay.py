"""The HTTP port of a worker of pages: it passes everything on to the worker with the duties."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from hub.web.signpost import answer, request_line

__all__ = ["PageRelay"]

log = logging.getLogger(__name__)

_PIECE = 65_536  # bytes


class PageRelay:
    """Passes connections on from `start` to `stop`, as they are: pages, API and live updates.

    `where` says where the pages are: they move, and an address that browsers know stays. While
    nobody has them the answer is 503. Who sees the other end sees this worker's address for all.
    """

    MOST = 512  # connections at once: each is two descriptors
    WITHIN_S = 5.0

    def __init__(
        self, listening: socket.socket, where: Callable[[], Awaitable[str | None]]
    ) -> None:
        self._socket, self._where = listening, where
        self._passing: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, sock=self._socket)

    async def stop(self) -> None:
        """Leave the port to others, and end what is passed on."""
        if self._server is not None:
            self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        try:
            if task is not None and len(self._passing) < self.MOST:
                self._passing.add(task)
                await self._pass_on(reader, writer)
        except (OSError, ValueError, TimeoutError):
            pass  # one of both ends is gone
        finally:
            if task is not None:
                self._passing.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await self._connected()
        if there is None:
            async with asyncio.timeout(self.WITHIN_S):
                writer.write(answer(await request_line(reader), None))
                await writer.drain()
            return
        their_reader, their_writer = there
        try:
            # The group ends when both directions have, or one of them fails.
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(reader, their_writer))
                both.create_task(_copy(their_reader, writer))
        except* OSError:
            pass
        finally:
            their_writer.close()
            with contextlib.suppress(OSError):
                await their_writer.wait_closed()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """To the pages; None where they are nowhere just now."""
        url = await self._where()
        if url is None:
            return None
        parts = urlsplit(url)
        try:
            async with asyncio.timeout(self.WITHIN_S):
                return await asyncio.open_connection(parts.hostname, parts.port or 80)
        except (OSError, TimeoutError) as error:
            log.info("the pages at %s cannot be reached: %s", url, error or "no answer")
            return None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the reader's end, which the other side is told."""
    while data := await reader.read(_PIECE):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
