"""Streaming to the native server over a link: the window against the plain way, bad links."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from contracts import image, signatures
from contracts.ota import protocol
from contracts.ota.protocol import SignedStream
from contracts.ota.session import SessionOptions
from host import keys
from host.ota.udp import send
from tests.bench.report import note, report
from tests.host.ota.device import running
from tests.support.bootloader import make
from tests.support.link import Relay, Weather

HERE = "127.0.0.1"
SIZE = 582 << 10
USUAL = Weather(delay=0.005, loss=0.01)  # 10 ms there and back
AWFUL = Weather(delay=0.005, jitter=0.002, loss=0.2, duplicate=0.05, reorder=0.1)
RUNS = 1000
AT_ONCE = 40


@dataclass(frozen=True)
class Bench:
    """What all measurements share."""

    folder: Path
    server: Path
    key_file: Path

    async def stream(
        self, stream: SignedStream, weather: Weather, seed: object, options: SessionOptions
    ) -> tuple[float, bool]:
        """Seconds from the first answer to the last confirmed byte, and whether it is exact."""
        flash = self.folder / f"flash {seed}"
        async with (
            running(self.server, flash, self.key_file) as device,
            Relay((device.host, device.port), weather, seed) as relay,
        ):
            result = await send(stream, HERE, port=relay.port, options=options)
            ended = await device.ended()
        exact = ended == 0 and device.slot(stream.size) == stream.payload()
        flash.unlink()
        return result.seconds, exact


async def run() -> None:
    """Sign, stream and compare; about four minutes, most of it waiting for links."""
    server = make("native") / "otaserver"
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), server, Path(name) / "ota.pem")
        key = keys.new(bench.key_file)
        whole = _signed(key, SIZE)
        await _windows(bench, whole)
        await _awful(bench, whole)
        await _many(bench, _signed(key, 0x9000 + 2048))


def _signed(key: signatures.Key, size: int) -> SignedStream:
    plain = image.build_application(random.Random(size).randbytes(size - 0x9000 - 16 - 336))
    data = image.stamp(plain, "1.0.0", "nodemcu", key)
    began = time.perf_counter()
    stream = protocol.build(data, key)
    if size == SIZE:
        report("ota.sign_582k_2048", time.perf_counter() - began, "s")
    return stream


async def _windows(bench: Bench, whole: SignedStream) -> None:
    seconds: dict[int, list[float]] = {}
    for seed in range(3):
        for window in (1, SessionOptions().window):
            note(f"582 KiB, 10 ms, 1% loss, window {window}, seed {seed}")
            options = SessionOptions(window=window, confirm=1.0)
            spent, exact = await bench.stream(whole, USUAL, f"{seed} {window}", options)
            assert exact
            seconds.setdefault(window, []).append(spent)
    plain, windowed = (statistics.median(runs) for runs in seconds.values())
    report("ota.stream_582k_10ms_1pct_window1", plain, "s")
    report("ota.stream_582k_10ms_1pct", windowed, "s")
    report("ota.window_speedup", plain / windowed, "x", ">= 4")


async def _awful(bench: Bench, whole: SignedStream) -> None:
    note("582 KiB, 10 ms, 20% loss, reordering")
    spent, exact = await bench.stream(whole, AWFUL, "awful", SessionOptions(confirm=3.0))
    report("ota.stream_582k_10ms_20pct", spent, "s")
    report("ota.stream_582k_10ms_20pct_exact", exact, "bool", "== 1")


async def _many(bench: Bench, small: SignedStream) -> None:
    first = random.randrange(1 << 32)
    note(f"{RUNS} runs of {small.size} bytes over bad links, seeds from {first}")
    free = asyncio.Semaphore(AT_ONCE)

    async def one(seed: int) -> bool:
        chance = random.Random(seed)
        weather = Weather(
            delay=chance.uniform(0, 0.01),
            jitter=chance.uniform(0, 0.005),
            loss=chance.uniform(0, 0.25),
            duplicate=chance.uniform(0, 0.2),
            reorder=chance.uniform(0, 0.25),
        )
        options = SessionOptions(window=chance.choice((1, 2, 4, 8, 16, 32)), confirm=4.0)
        async with free:
            return (await bench.stream(small, weather, seed, options))[1]

    began = time.perf_counter()
    exact = await asyncio.gather(*(one(first + n) for n in range(RUNS)), return_exceptions=True)
    for n, result in enumerate(exact):
        if result is not True:
            note(f"seed {first + n}: {result!r}")
    report("ota.bad_links_1000_wall", time.perf_counter() - began, "s")
    report("ota.bad_links_1000_wrong", RUNS - exact.count(True), "runs", "== 0")
