"""The client against the native server, over real sockets."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from contracts.ota.errors import AmbiguousDeviceError, LostError, NoAnswerError, NonsenseError
from contracts.ota.session import Ending, SessionOptions, SessionPhase, SessionProgress
from host import keys
from host.ota.udp import send
from tests.host.ota.conftest import Update
from tests.host.ota.device import Device, running
from tests.support import seeds
from tests.support.bootloader import NativeBootloader
from tests.support.link import Relay, Weather

HERE = "127.0.0.1"
# Each of another kind; `make soak` has more.
LINKS = int(os.environ.get("BAD_LINKS", "6"))
QUICK = SessionOptions(wait=5, patience=8, confirm=0.3)
BAD = Weather(delay=0.001, jitter=0.001, loss=0.2, duplicate=0.1, reorder=0.2, late=0.003)


async def test_an_image_arrives(device: Device, update: Update) -> None:
    seen: list[SessionProgress] = []
    result = await send(
        update.stream, device.host, port=device.port, options=QUICK, progress=seen.append
    )
    assert await device.ended() == 0
    assert device.slot(len(update.image)) == update.image
    # The server is gone, so the second end datagram finds its port closed.
    assert (result.ending, result.address) == (Ending.LEFT, device.host)
    assert (result.size, result.restarts) == (len(update.image), 0)
    assert seen[0].phase is SessionPhase.WAITING
    assert seen[-1].phase is SessionPhase.DONE
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert seen[-1].done == seen[-1].total == len(update.image)


async def test_the_plain_way(device: Device, update: Update) -> None:
    options = SessionOptions(window=1, confirm=0.3)
    seen: list[SessionProgress] = []
    await send(update.stream, device.host, port=device.port, options=options, progress=seen.append)
    assert await device.ended() == 0
    assert device.slot(len(update.image)) == update.image
    assert {p.window for p in seen} == {1}


async def test_a_bad_link_ends_with_the_exact_image(device: Device, update: Update) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    async with Relay((device.host, device.port), BAD, seed) as relay:
        result = await send(
            update.stream, HERE, port=relay.port, options=SessionOptions(confirm=2.0, wait=20)
        )
        assert await device.ended() == 0
        assert sum(relay.losses) > 20
    assert device.slot(len(update.image)) == update.image
    assert result.resent > 20


async def test_many_bad_links_at_once(
    native_bootloader: NativeBootloader, update: Update, tmp_path: Path
) -> None:
    first = seeds.seed()

    async def one(seed: int) -> bool:
        flash = tmp_path / str(seed)
        chance = random.Random(seed)
        weather = Weather(
            delay=chance.uniform(0, 0.005),
            jitter=chance.uniform(0, 0.003),
            loss=chance.uniform(0, 0.25),
            duplicate=chance.uniform(0, 0.2),
            reorder=chance.uniform(0, 0.2),
        )
        async with (
            running(native_bootloader.otaserver, flash, update.key_file) as device,
            Relay((device.host, device.port), weather, seed) as relay,
        ):
            options = SessionOptions(confirm=3.0, window=chance.choice((1, 4, 8, 32)))
            await send(update.stream, HERE, port=relay.port, options=options)
            assert await device.ended() == 0, seed
            return device.slot(len(update.image)) == update.image

    exact = await asyncio.gather(*(one(first + n) for n in range(LINKS)))
    assert exact == [True] * LINKS


async def test_a_broadcast_finds_the_device(
    native_bootloader: NativeBootloader, update: Update, tmp_path: Path
) -> None:
    async with running(
        *(native_bootloader.otaserver, tmp_path / "flash", update.key_file), host="0.0.0.0"
    ) as device:
        result = await send(
            update.stream, port=device.port, options=QUICK, broadcast="127.255.255.255"
        )
        assert await device.ended() == 0
        assert result.address.startswith("127.")
        assert device.slot(len(update.image)) == update.image


async def test_two_devices_are_not_guessed_between(update: Update) -> None:
    loop = asyncio.get_running_loop()

    class Answering(asyncio.DatagramProtocol):
        """Answers as two devices would, from two addresses."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.there = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            for one in devices:
                one.sendto(data[:12] + bytes(8), addr)

    ear, _ = await loop.create_datagram_endpoint(Answering, local_addr=("127.255.255.255", 0))
    devices = [
        (await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(a, 0)))[0]
        for a in ("127.0.0.2", "127.0.0.3")
    ]
    try:
        port = ear.get_extra_info("sockname")[1]
        with pytest.raises(AmbiguousDeviceError, match=r"127\.0\.0\.2, 127\.0\.0\.3; name one"):
            await send(update.stream, port=port, options=QUICK, broadcast="127.255.255.255")
    finally:
        for transport in (ear, *devices):
            transport.close()


async def test_a_device_that_comes_back_after_a_power_cut_is_sent_everything(
    native_bootloader: NativeBootloader, update: Update, tmp_path: Path
) -> None:
    flash = tmp_path / "flash"
    server = (native_bootloader.otaserver, flash, update.key_file)
    async with running(*server, "--cut", "40") as device:
        host, port = device.host, device.port
        sending = asyncio.ensure_future(
            send(
                update.stream,
                device.host,
                port=port,
                options=SessionOptions(patience=20, confirm=0.3),
            )
        )
        assert await device.ended() == 9
    async with running(*server, host=host, port=port) as device:
        result = await sending
        assert await device.ended() == 0
        assert device.slot(len(update.image)) == update.image
    assert result.restarts == 1


async def test_a_device_that_stays_away_is_lost(
    native_bootloader: NativeBootloader, update: Update, tmp_path: Path
) -> None:
    async with running(
        *(native_bootloader.otaserver, tmp_path / "flash", update.key_file), *("--cut", "40")
    ) as device:
        with pytest.raises(LostError, match="repeat the update"):
            await send(
                update.stream, device.host, port=device.port, options=SessionOptions(patience=1)
            )
        assert await device.ended() == 9


async def test_a_closed_port_and_a_wrong_key(
    native_bootloader: NativeBootloader, update: Update, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    keys.new(other)
    async with running(native_bootloader.otaserver, tmp_path / "flash", other) as device:
        with pytest.raises(NoAnswerError, match="another key"):
            await send(
                update.stream, device.host, port=device.port, options=SessionOptions(wait=0.5)
            )
        device.child.terminate()
        assert await device.ended() == 4
        assert device.slot(0x99000) == b"\xff" * 0x99000
        with pytest.raises(NoAnswerError, match="not in OTA mode"):
            await send(
                update.stream, device.host, port=device.port, options=SessionOptions(wait=0.5)
            )
    with pytest.raises(NoAnswerError, match=r"no\.such\.invalid"):
        await send(update.stream, "no.such.invalid", options=SessionOptions(wait=0.5))


async def test_nonsense_over_the_wire(update: Update) -> None:
    loop = asyncio.get_running_loop()

    class Parrot(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.DatagramTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            for _ in range(5):
                self.transport.sendto(data, addr)

    transport, _ = await loop.create_datagram_endpoint(Parrot, local_addr=(HERE, 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        with pytest.raises(NonsenseError):
            await send(update.stream, HERE, port=port, options=QUICK)
    finally:
        transport.close()


async def test_a_cancelled_update_stops_at_once(device: Device, update: Update) -> None:
    started = asyncio.Event()

    def show(progress: SessionProgress) -> None:
        if progress.phase is SessionPhase.SENDING:
            started.set()

    async with Relay((device.host, device.port), Weather(delay=0.02), 1) as relay:
        sending = asyncio.ensure_future(send(update.stream, HERE, port=relay.port, progress=show))
        await started.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert device.child.returncode is None
