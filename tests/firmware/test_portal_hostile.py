"""Whatever comes over the portal's network: it goes on serving, and nothing of it is kept."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time

import pytest

from tests.firmware.portal import OURS, Phone, opened
from tests.support import seeds

CONNECTIONS = 1000
AT_A_TIME = 8
HOST = f"Host: {OURS}\r\n".encode()


@pytest.fixture
def bare(make_board):
    return make_board(ssid="", key="", host="")


@pytest.fixture
def chance() -> random.Random:
    seed = seeds.seed(30)
    return random.Random(seed)


def files(board) -> dict[str, bytes]:
    """What is on the board's flash: its files, and what the SDK keeps."""
    flash = {path.name: path.read_bytes() for path in (board.folder / "flash").iterdir()}
    return {**flash, "sdk.json": (board.folder / "sdk.json").read_bytes()}


def hostile(chance: random.Random) -> bytes:
    """Something that no browser sends."""
    noise = chance.randbytes(chance.randrange(1, 600))
    page = b"GET / HTTP/1.1\r\n"
    post = b"POST / HTTP/1.1\r\n" + HOST
    return chance.choice(
        [
            b"",
            noise,
            b"\r\n\r\n",
            page + noise + b"\r\n\r\n",
            page[: chance.randrange(len(page))],
            b"GET /" + b"a" * chance.randrange(300, 9000) + b" HTTP/1.1\r\n\r\n",
            page + HOST + b"X: " + b"y" * chance.randrange(300, 20000) + b"\r\n\r\n",
            page + HOST * chance.randrange(100, 800) + b"\r\n",
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + noise,
            b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n",
            post + b"\r\n",
            post + b"Content-Length: -1\r\n\r\n",
            post + b"Content-Length: 99999999999999999999\r\n\r\n" + noise,
            post + b"Content-Length: 2401\r\n\r\n" + b"s" * 1401,
            post + b"Transfer-Encoding: chunked\r\n\r\n5\r\nssid=\r\n",
            post + b"Content-Length: %d\r\n\r\n" % (len(noise) + 9) + noise,
            post + b"Content-Length: %d\r\n\r\n" % len(noise) + noise,
            post + b"Content-Length: 16\r\n\r\nssid=%ff%fe&host",
            post + b"Content-Length: 9\r\n\r\nssid=%zz&",
        ]
    )


async def pester(phone: Phone, data: bytes, chance: random.Random) -> None:
    """One connection: say it in one or two pieces, and wait for an answer or not."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        reader, writer = await asyncio.open_connection("127.0.0.1", phone.ports["80"])
        try:
            cut = chance.randrange(len(data) + 1)
            writer.write(data[:cut])
            await asyncio.sleep(0)
            writer.write(data[cut:])
            if chance.random() < 0.7:
                async with asyncio.timeout(0.5):
                    await reader.read(256)
        finally:
            writer.transport.abort()


def abort(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def test_a_thousand_hostile_connections_leave_it_serving(bare, chance):
    async with opened(bare) as phone:
        before, kept = bare.flash_writes, files(bare)
        turns = asyncio.Semaphore(AT_A_TIME)

        async def one(data: bytes) -> None:
            async with turns:
                await pester(phone, data, chance)

        await asyncio.gather(*(one(hostile(chance)) for _ in range(CONNECTIONS)))
        assert "Set up this sensor" in await phone.page(having="Set up this sensor")
        assert phone.process.returncode is None
        # No page was ever too large for the heap, no request stumbled over.
        assert phone.console.splitlines() == [phone.console.strip()]
        assert bare.flash_writes == before
        assert files(bare) == kept


async def test_clients_that_say_nothing_hold_nobody_up(bare):
    async with opened(bare) as phone, contextlib.AsyncExitStack() as held:
        for data in (b"", b"GET / HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n") * 4:
            _, writer = await asyncio.open_connection("127.0.0.1", phone.ports["80"])
            held.callback(abort, writer)
            writer.write(data)
        # A visitor waits for those before him to be given up, three times 300 ms, not for ever.
        assert (await phone.get()).status == 200


async def test_who_sends_a_byte_now_and_then_is_given_up(bare):
    async with opened(bare) as phone:
        reader, writer = await asyncio.open_connection("127.0.0.1", phone.ports["80"])

        async def drip() -> None:
            while True:
                writer.write(b"G")
                await asyncio.sleep(0.1)

        dripping = asyncio.create_task(drip())
        began = time.monotonic()
        try:
            # The device counts 8 s for a request; a busy machine adds to them.
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 60) in {b"", *answers(414)}
        finally:
            dripping.cancel()
            writer.transport.abort()
        assert time.monotonic() - began > 5


def answers(status: int) -> set[bytes]:
    return {b"HTTP/1.1 %d" % status}


async def test_readers_behind_a_dead_link_are_given_up(bare):
    async with opened(bare) as phone:
        bare.world["net"] = {"latency_ms": 600_000}
        bare.provision()
        page = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
        with pytest.raises(TimeoutError):
            while True:
                assert await phone.raw(page, within=1)
        readers = [await asyncio.open_connection("127.0.0.1", phone.ports["80"]) for _ in range(4)]
        for _, writer in readers:
            writer.write(page)
        with pytest.raises(TimeoutError):
            await phone.raw(page, within=1)
        bare.world["net"] = {}
        bare.provision()
        assert "</html>" in await phone.page(having="Set up this sensor")
        for _, writer in readers:
            abort(writer)


MEASURE = """
import gc
from dormouse.portal import server
serve_once = server.Server.serve_once
low = [1 << 30]
def measured(self):
    serve_once(self)
    gc.collect()
    if gc.mem_free() < low[0]:
        low[0] = gc.mem_free()
        print("free", low[0] // 8)
server.Server.serve_once = measured
import main
"""


async def test_full_pages_to_all_clients_at_once_leave_heap(bare):
    """The code of the portal lies in this heap too; on the device it is frozen."""
    bare.world["wifi"]["others"] = [{"ssid": f"{n:02}" + "&" * 30} for n in range(20)]
    async with opened(bare, typed=MEASURE) as phone:
        form = {"ssid": "s" * 33, "key": "k" * 64, "host": "h" * 64, "name": "é" * 64}
        await asyncio.gather(*(phone.submit(**form) for _ in range(8)))
        answers = await asyncio.gather(*(phone.get() for _ in range(24)))
        assert all(answer.text.endswith("</html>") for answer in answers)
        free = [int(words) for words in re.findall(r"free (\d+)", phone.console)]
        print(f"free words: {free[0]} at first, {free[-1]} at least")
        assert free[-1] > 1500
        assert "Error" not in phone.console


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"X-Long: y\r\n" * 2000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nX-Long: " + b"y" * 20000, 431),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"DELETE / HTTP/1.1\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\n" + HOST + b"\r\n", 411),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 2401\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nssid=%zz&", 400),
        # From a page elsewhere, by a name that we answered for.
        (b"POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 4\r\n\r\na=bc", 302),
        # As long as browsers make it, and longer lines than are kept.
        (b"GET / HTTP/1.1\r\n" + HOST + b"Accept: " + b"a/b," * 400 + b"\r\n\r\n", 200),
        (b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    ],
)
async def test_what_is_not_for_it_has_its_status(bare, request_bytes, status):
    async with opened(bare) as phone:
        before = bare.flash_writes
        assert (await phone.ask(request_bytes)).status == status
        assert (await phone.get()).status == 200
        assert bare.flash_writes == before


async def test_noise_at_the_name_server_is_not_answered(bare, chance):
    async with opened(bare) as phone:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=("127.0.0.1", phone.ports["53"])
        )
        for _ in range(300):
            transport.sendto(chance.randbytes(chance.randrange(1, 900)))
        transport.close()
        assert (await phone.get()).status == 200
        assert len(phone.console.splitlines()) == 1
