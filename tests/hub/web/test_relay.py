"""A worker of pages passes on what it is asked to where the pages are, and the answer back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from hub.web.relay import PageRelay

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: pages\r\n\r\n"


class Echo:
    """Pages that say back what they hear, with their name first; `ended` once it was hung up on."""

    def __init__(self, name: bytes) -> None:
        self.name, self.ended = name, asyncio.Event()

    async def start(self) -> str:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self.server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while heard := await reader.read(1000):
            writer.write(self.name + heard)
        self.ended.set()
        writer.close()


class Relayed:
    """A relay at `port`, and where the pages are just now."""

    def __init__(self) -> None:
        self.there: str | None = None
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self.relay = PageRelay(listening, self._where)

    async def _where(self) -> str | None:
        return self.there

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


@pytest.fixture
async def relayed() -> AsyncIterator[Relayed]:
    found = Relayed()
    await found.relay.start()
    yield found
    await found.relay.stop()


async def test_what_is_said_goes_both_ways_until_one_hangs_up(relayed):
    first, second = Echo(b"1:"), Echo(b"2:")
    relayed.there = await first.start()
    reader, writer = await relayed.connect()
    for said in (REQUEST, b"and more"):
        writer.write(said)
        assert await reader.readexactly(2 + len(said)) == b"1:" + said
    # The pages move: who is connected stays, who comes is led to the other worker.
    relayed.there = await second.start()
    writer.write(b"still here")
    assert await reader.readexactly(12) == b"1:still here"
    other_reader, other_writer = await relayed.connect()
    other_writer.write(REQUEST)
    assert await other_reader.readexactly(2 + len(REQUEST)) == b"2:" + REQUEST
    writer.close()
    await first.ended.wait()
    for one in (first, second):
        one.server.close()
    other_writer.write_eof()
    assert await other_reader.read() == b""
    await second.ended.wait()
    other_writer.close()


@pytest.mark.parametrize("there", [None, "http://127.0.0.1:1"])
async def test_pages_that_are_nowhere_are_said_to_be(relayed, there):
    relayed.there = there
    reader, writer = await relayed.connect()
    writer.write(REQUEST)
    assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
    writer.close()
