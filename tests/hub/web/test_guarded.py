"""Who connects to the HTTP port and does not finish what they say."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from hub.runtime.connections import Connections
from hub.web import guarded
from hub.web.server import HttpServer, tcp_socket
from tests.support.hub import until

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def application(scope, receive, send) -> None:
    """Answers with the length of the body; a websocket is accepted and stays."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        return
    if scope["path"] == "/refused":
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    answer = b"x" * 50_000_000 if scope["path"] == "/large" else str(len(body)).encode()
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


@asynccontextmanager
async def serving(total: int, share: float = 1.0):
    listening = tcp_socket("HTTP_PORT", "127.0.0.1", 0)
    limits = Connections("HTTP", total, share=share)
    async with HttpServer(application, listening, connections=limits):
        yield listening.getsockname()[1], limits


@asynccontextmanager
async def connected(port: int, said: bytes = b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(said)
        yield reader, writer
    finally:
        writer.transport.abort()


async def gone(reader: asyncio.StreamReader) -> bool:
    """Whether the other side closes the connection."""
    try:
        while await reader.read(65536):
            pass
    except ConnectionError:
        pass
    return True


@pytest.fixture
def hasty(monkeypatch):
    """What takes seconds otherwise, at once."""
    monkeypatch.setattr(guarded, "HEAD_S", 0.05)
    monkeypatch.setattr(guarded, "STALL_S", 0.05)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HT",
        GET[:-2],
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        GET + GET[:-2],
    ],
)
@pytest.mark.usefixtures("hasty")
async def test_half_a_request_is_not_waited_for(said: bytes):
    async with serving(100) as (port, limits), connected(port, said) as (reader, _):
        assert await gone(reader)
        assert len(limits) == 0


async def test_a_byte_now_and_then_is_no_upload(monkeypatch):
    """Half of a piece keeps nothing open; whole ones do, for as long as they come."""
    monkeypatch.setattr(guarded, "STALL_S", 1000.0)
    times: list[float] = []
    close_in = guarded._Guarded._close_in
    monkeypatch.setattr(
        guarded._Guarded, "_close_in", lambda it, s: (times.append(s), close_in(it, s))
    )
    size = 10 * guarded.PIECE
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    async with serving(100) as (port, _), connected(port, head) as (reader, writer):
        await until(has(times, 1))
        for _ in range(100):
            writer.write(b"x")
            await writer.drain()
        writer.write(b"x" * (guarded.PIECE - 100))
        await until(has(times, 2))
        writer.write(b"x" * (size - guarded.PIECE))
        assert b"200" in await reader.readline()
    assert 2 < times.count(1000.0) <= 11


def has(times: list[float], number: int):
    async def there() -> bool:
        return times.count(1000.0) == number

    return there


@pytest.mark.usefixtures("hasty")
async def test_an_answer_that_nobody_takes_is_given_up():
    request = GET.replace(b" / ", b" /large ")
    async with serving(100) as (port, limits), connected(port, request) as (reader, _):
        assert b"200" in await reader.readline()
        await held(limits, 0)


async def test_what_is_refused_early_may_still_be_sent_to_its_end():
    # A client that reads the answer only when it has sent everything.
    body = b"z" * 3_000_000
    head = b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n"
    async with serving(100) as (port, limits), connected(port, head) as (reader, writer):
        for _ in range(3):
            writer.write(body)
            await writer.drain()
            assert b"413" in await reader.readline()
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
        assert len(limits) == 1


async def test_a_head_without_an_end_is_cut():
    async with serving(100) as (port, _), connected(port, GET[:-2]) as (reader, writer):
        try:
            for number in range(10_000):
                writer.write(b"X-%d: %s\r\n" % (number, b"y" * 1000))
                await writer.drain()
        except ConnectionError:
            pass
        else:
            pytest.fail("10 MB of head were taken")
        assert await gone(reader)


async def test_newcomers_push_out_the_silent_and_not_the_busy():
    upgrade = (
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    async with serving(4) as (port, limits):
        async with AsyncExitStack() as stack, connected(port, upgrade) as (page, _):
            assert b"101" in await page.readline()
            for _ in range(20):
                await stack.enter_async_context(connected(port))
            async with connected(port, GET) as (answered, _):
                assert b"200" in await answered.readline()
            assert len(limits) <= 4
            # The page's websocket is still there.
            assert not await gone_within(page, 0.05)
        # All places are free again, the websocket's too.
        await held(limits, 0)


async def held(limits: Connections, count: int) -> None:
    async def so() -> bool:
        return len(limits) == count

    await until(so)


async def gone_within(reader: asyncio.StreamReader, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while await reader.readline():
                pass
    except TimeoutError:
        return False
    return True


async def test_a_connection_that_is_used_again_keeps_its_place():
    async with serving(2) as (port, limits), connected(port) as (reader, writer):
        for _ in range(50):
            writer.write(GET)
            assert b"200" in await reader.readline()
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(1) == b"0"
        assert len(limits) == 1
        body = b"z" * 300_000
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + body)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"200" in head
        assert await reader.readexactly(6) == b"300000"


POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
LENGTH, PIECES = b"Content-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n"
NEXT = b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n"
# Two programs in a row may see two requests in these, or one (RFC 9112, 6.1, 6.3 and 11.2).
SMUGGLED = {
    "both lengths": POST + LENGTH + PIECES + b"\r\n0\r\n\r\n" + NEXT,
    "both, the other way": POST + PIECES + LENGTH + b"\r\n0\r\n\r\n" + NEXT,
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 37\r\n\r\n" + NEXT,
    "a list of lengths": POST + b"Content-Length: 0, 37\r\n\r\n" + NEXT,
    "a signed length": POST + b"Content-Length: +0\r\n\r\n" + NEXT,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n" + NEXT,
    "a length in hexadecimal": POST + b"Content-Length: 0x25\r\n\r\n" + NEXT,
    "a length without end": POST + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n" + NEXT,
    "a space before the colon": POST + b"Content-Length : 0\r\n\r\n" + NEXT,
    "chunked, and then not": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + NEXT,
    "chunked beyond any number": POST + PIECES + b"\r\nfffffffffffffffffffff\r\n" + NEXT,
    "a negative chunk": POST + PIECES + b"\r\n-1\r\n" + NEXT,
    "NUL in a name": POST + b"X\x00Y: 1\r\n\r\n" + NEXT,
}  # fmt: skip


@pytest.mark.parametrize("said", SMUGGLED.values(), ids=SMUGGLED)
async def test_what_two_programs_read_differently_is_refused(said: bytes):
    """One answer, which refuses it, and the end: nothing of it is taken for a second request."""
    async with serving(100) as (port, _), connected(port, said) as (reader, _):
        answers = await reader.read()
    assert answers.count(b"HTTP/1.1 ") <= 1
    assert b" 200 " not in answers
