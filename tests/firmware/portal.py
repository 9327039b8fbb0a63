"""A board with its portal open, as a phone in its network meets it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from host.twin import vm
from host.twin.vm import Cause
from tests.firmware.board import Board

OURS = "192.168.4.1"


def kept_settings(board: Board) -> dict[str, Any]:
    """The settings that are on the board's flash."""
    found: dict[str, Any] = json.loads((board.folder / "flash" / "settings.json").read_text())
    return found


@dataclass(frozen=True)
class Answer:
    """What came back: status, head fields with lower-case names, text."""

    status: int
    head: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


class Phone:
    """Talks to a board's portal."""

    def __init__(self, board: Board, process: asyncio.subprocess.Process) -> None:
        self.board = board
        self.process = process

    @property
    def ports(self) -> dict[str, int]:
        return json.loads((self.board.folder / "ports.json").read_text())

    @property
    def console(self) -> str:
        return (self.board.folder / "console").read_text(errors="replace")

    async def raw(self, data: bytes, within: float = 60) -> bytes:
        """Send bytes, return all that comes back."""
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.ports["80"])
            try:
                writer.write(data)
                got = b""
                with contextlib.suppress(ConnectionError):
                    while part := await reader.read(4096):
                        got += part
                return got
            finally:
                writer.close()

    async def ask(self, request: bytes) -> Answer:
        """Send a request, understand the answer; status 0 if there is none."""
        head, _, text = (await self.raw(request)).partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        if not first.startswith("HTTP/1.1 "):
            return Answer(0)
        fields = dict(line.split(": ", 1) for line in rest)
        return Answer(
            int(first.split()[1]), {k.lower(): v for k, v in fields.items()}, text.decode()
        )

    async def get(self, path: str = "/", host: str = OURS, agent: str = "test") -> Answer:
        return await self.ask(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\n\r\n".encode()
        )

    async def submit(self, **fields: str) -> Answer:
        body = urlencode(fields)
        return await self.ask(
            f"POST / HTTP/1.1\r\nHost: {OURS}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )

    async def page(self, *, having: str, within: float = 60) -> str:
        """The first page, as soon as it says `having`."""
        async with asyncio.timeout(within):
            while having not in (text := (await self.get()).text):
                await asyncio.sleep(0.05)
            return text

    async def resolve(self, query: bytes) -> bytes:
        """What the portal's name server answers."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()

        class Ask(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: object) -> None:
                answer.done() or answer.set_result(data)

        transport, _ = await loop.create_datagram_endpoint(
            Ask, remote_addr=("127.0.0.1", self.ports["53"])
        )
        try:
            transport.sendto(query)
            return await asyncio.wait_for(answer, 30)
        finally:
            transport.close()


@contextlib.asynccontextmanager
async def opened(
    board: Board, cause: Cause = Cause.POWER, typed: str | None = None
) -> AsyncIterator[Phone]:
    """The board's portal, once it serves; the board is switched off afterwards."""
    process = await board.start(cause, typed)
    phone = Phone(board, process)
    try:
        async with asyncio.timeout(60):
            while "portal: join" not in phone.console:
                assert process.returncode is None, phone.console
                await asyncio.sleep(0.01)
        yield phone
        assert "Traceback" not in phone.console
    finally:
        await vm.end(process)
