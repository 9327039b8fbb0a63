"""Images on their way to devices: to the right one, a few at a time, again after any failure."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.ota.session import SessionPhase
from hub.rollouts.neighbours import could_be
from hub.rollouts.streams import (
    NoFreeStreamError,
    StreamAmbiguousError,
    StreamError,
    StreamLostError,
    StreamNonsenseError,
    StreamRefusedError,
    Streams,
    StreamTimes,
    StreamUnansweredError,
)
from tests.host.ota.device import own_address, running
from tests.support.images import canned_image, signing_key

CANNED = canned_image()
QUICK = StreamTimes(wait=3, direct=0.4, broadcast=0.4, patience=1, confirm=0.3)
VAIN = replace(QUICK, wait=1)  # where nobody answers
AROUND = "127.255.255.255"


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    file = tmp_path / "key.pem"
    file.write_bytes(signing_key().pem())
    return file


@pytest.fixture
def server(native_bootloader, tmp_path, pem):
    """Starts OTA servers: `server("flash file", *arguments, host=...)`."""

    def start(name: str, *arguments: str, **where):
        return running(native_bootloader.otaserver, tmp_path / name, pem, *arguments, **where)

    return start


class Ear(asyncio.DatagramProtocol):
    """Keeps what comes; `reply` makes the answers to it."""

    def __init__(self, reply=lambda _: ()) -> None:
        self.heard = 0
        self.first = asyncio.Event()
        self._reply = reply

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr) -> None:
        self.heard += 1
        self.first.set()
        for answer in self._reply(data):
            self.transport.sendto(answer, addr)


@asynccontextmanager
async def listening(host: str, port: int = 0, reply=lambda _: ()):
    loop = asyncio.get_running_loop()
    transport, ear = await loop.create_datagram_endpoint(
        lambda: Ear(reply), local_addr=(host, port)
    )
    ear.host, ear.port = transport.get_extra_info("sockname")
    try:
        yield ear
    finally:
        transport.close()


def streams(port: int, limit: int = 2, broadcast: str = "", times=QUICK, **more) -> Streams:
    return Streams(limit, port=port, broadcast=broadcast, times=times, **more)


async def test_to_the_address_that_the_device_told(server):
    seen = []
    async with server("flash") as device:
        one = streams(device.port, in_ota_server=["gone", "sensor"])
        sent = await one.send("sensor", device.host, CANNED, seen.append)
        assert await device.ended() == 0
    assert (sent.device, sent.address) == ("sensor", device.host)
    assert [seen[0].phase, seen[-1].phase] == [SessionPhase.WAITING, SessionPhase.DONE]
    done = [progress.done for progress in seen]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, sent.size)
    assert {progress.total for progress in seen} == {sent.size}
    assert one.free == 2
    assert one.running == []
    assert one.in_ota_server == {"gone"}  # this one left its OTA server


async def test_a_device_with_another_address_is_found_by_a_broadcast(server):
    async with server("flash", host="0.0.0.0") as device:
        one = streams(device.port, broadcast=AROUND)
        sent = await one.send("sensor", "no.such.invalid", CANNED, lambda _: None)
        assert await device.ended() == 0
    assert sent.address.startswith("127.")
    assert one.in_ota_server == set()


async def test_no_broadcast_while_another_device_could_answer_it():
    async with listening(AROUND) as ear:
        one = streams(ear.port, broadcast=AROUND, times=VAIN, in_ota_server=["died in the middle"])
        with pytest.raises(StreamUnansweredError, match="to a broadcast within 1 s"):
            await one.send("sensor", None, CANNED, lambda _: None)
        assert ear.heard == 0
        # It is still not known where the first is; once both are heard of, the way is free.
        assert one.in_ota_server == {"died in the middle", "sensor"}
        one.seen_running("died in the middle", "sensor")
        with pytest.raises(StreamUnansweredError):
            await one.send("sensor", None, CANNED, lambda _: None)
        assert ear.heard > 2


async def test_a_broadcast_ends_when_another_stream_begins():
    async with listening(AROUND) as ear:
        one = streams(ear.port, broadcast=AROUND, times=VAIN)
        looking = asyncio.ensure_future(one.send("lost", None, CANNED, lambda _: None))
        await asyncio.wait_for(ear.first.wait(), 30)
        heard = ear.heard
        other = asyncio.ensure_future(one.send("other", None, CANNED, lambda _: None))
        for task in (looking, other):
            with pytest.raises(StreamUnansweredError):
                await task
        assert ear.heard == heard


async def test_a_broadcast_that_two_answer_gives_neither_anything():
    async with listening(AROUND) as ear, listening("127.0.0.2") as a, listening("127.0.0.3") as b:

        def received(data: bytes, addr) -> None:
            for one in (a, b):
                one.transport.sendto(data[:12] + bytes(8), addr)

        ear.datagram_received = received
        with pytest.raises(StreamAmbiguousError, match=r"127\.0\.0\.2, 127\.0\.0\.3"):
            await streams(ear.port, broadcast=AROUND).send("one", None, CANNED, lambda _: None)


async def test_no_more_at_a_time_than_allowed(server):
    async with listening(own_address()) as mute:
        one = streams(mute.port, limit=2, times=VAIN)
        waiting = [
            asyncio.ensure_future(one.send(name, mute.host, CANNED, lambda _: None))
            for name in ("a", "b")
        ]
        await asyncio.wait_for(mute.first.wait(), 30)
        assert one.free == 0
        assert [progress.device for progress in one.running] == ["a", "b"]
        with pytest.raises(NoFreeStreamError, match="2 streams are under way"):
            await one.send("c", mute.host, CANNED, lambda _: None)
        with pytest.raises(NoFreeStreamError, match="this device"):
            await one.send("a", mute.host, CANNED, lambda _: None)
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        assert one.free == 1
        assert waiting[0].cancelled()
        with pytest.raises(StreamUnansweredError):
            await waiting[1]
        assert one.free == 2


async def test_a_device_that_died_half_way_is_sent_it_again(server):
    async with server("flash", "--cut", "5") as device:
        host, port = device.host, device.port
        one = streams(port)
        with pytest.raises(StreamLostError, match="went silent after") as lost:
            await one.send("sensor", host, CANNED, lambda _: None)
        assert await device.ended() == 9
    assert lost.value.device == "sensor"
    assert "sensor" not in lost.value.reason
    assert one.in_ota_server == {"sensor"}
    # Its application is broken now: it is in its OTA server, and stays there.
    async with server("flash", host=host, port=port) as device:
        sent = await one.send("sensor", host, CANNED, lambda _: None)
        assert await device.ended() == 0
        assert len(device.slot(sent.size)) == sent.size
    assert one.in_ota_server == set()


def silent():
    return lambda _: ()


def parrot():
    return lambda data: (data,) * 5


def unhappy():
    """A server that takes everything, restarts at the end, and asks for it once more."""
    ended = False

    def reply(data: bytes) -> tuple[bytes, ...]:
        nonlocal ended
        length, offset = struct.unpack_from("<6xHI", data)
        ended = ended or not length
        return () if not length or (ended and offset) else (data[:12] + bytes(8),)

    return reply


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (silent, StreamUnansweredError),
        (parrot, StreamNonsenseError),
        (unhappy, StreamRefusedError),
    ],
)
async def test_why_it_did_not_go(reply, error):
    async with listening(own_address(), reply=reply()) as ear:
        one = Streams(2, port=ear.port, broadcast="", times=replace(QUICK, confirm=1))
        with pytest.raises(error) as failed:
            await one.send("sensor", ear.host, CANNED, lambda _: None)
    assert type(failed.value) is error
    assert failed.value.reason
    assert "\n" not in failed.value.reason
    assert one.free == 2


async def test_nobody_there_and_nonsense_to_send():
    one = streams(8266, times=VAIN)
    with pytest.raises(StreamUnansweredError, match=r"at no\.such\.invalid within 1 s"):
        await one.send("sensor", "no.such.invalid", CANNED, lambda _: None)
    with pytest.raises(StreamError, match=r"damaged|cut short"):
        await one.send("sensor", "127.0.0.1", CANNED[:-1], lambda _: None)
    assert one.free == 2


def test_a_neighbour_is_known_by_its_hardware_address(tmp_path):
    arp = tmp_path / "arp"
    arp.write_text(
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "192.168.1.7      0x1         0x2         5c:cf:7f:4d:3c:2b     *        wlan0\n"
        "192.168.1.8      0x1         0x0         00:00:00:00:00:00     *        wlan0\n"
    )
    assert could_be("esp8266_2b3c4d00", "192.168.1.7", arp=arp)
    assert not could_be("esp8266_2b3c4e00", "192.168.1.7", arp=arp)
    for device, address in (
        ("esp8266_2b3c4e00", "192.168.1.8"),  # asked for, not answered
        ("esp8266_2b3c4e00", "192.168.1.9"),
        ("porch", "192.168.1.7"),
    ):
        assert could_be(device, address, arp=arp)
    assert could_be("esp8266_2b3c4e00", "192.168.1.7", arp=tmp_path / "none")
