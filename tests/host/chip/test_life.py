"""The real firmware's life on the emulated chip: first start, wakes, watchdog, updates, cuts."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from contracts import image
from contracts.ota import protocol
from contracts.ota.session import SessionOptions
from host.chip import dhcp, heap, phone
from host.chip.machine import EmulatedChip, Ended, Run, Typed
from host.chip.stations import LIMITS, Station, over
from host.chip.twin import typed_settings
from host.ota import udp
from tests.host.chip.conftest import HOME, PATIENT, Bench, needs_build, run

pytestmark = [needs_build, PATIENT]

PORTAL, SERVING = "portal: join", "ota: serving on port 8266"
ASK = b"yaotaota"
MakeChip = Callable[..., EmulatedChip]


def ask_for_update(chip: EmulatedChip) -> None:
    """RTC memory as the application leaves it for the bootloader, and its reset."""
    rtc = bytearray(chip.rtc.read_bytes())
    rtc[0x100:0x104] = (4).to_bytes(4, "little")
    rtc[0x20C:0x21C] = (0x75507921).to_bytes(4, "little") + (8).to_bytes(4, "little") + ASK
    chip.rtc.write_bytes(rtc)


def test_an_empty_flash_gets_a_filesystem_and_a_portal_that_takes_settings(
    bench: Bench, make_chip: MakeChip
) -> None:
    chip = make_chip(bench.parts.flash())
    titles: list[str] = []
    visitor = threading.Thread(
        target=lambda: titles.extend(
            phone.fill_in(chip.network, ssid=HOME.ssid, key=HOME.key, host="127.0.0.1")
        )
    )

    def open_portal(said: str) -> bool:
        if PORTAL in said and not visitor.is_alive() and not titles:
            visitor.start()
        return False

    first = run(chip, until=open_portal)
    visitor.join()
    assert "no filesystem at sector" in first.said
    assert first.ended is Ended.RESTART
    assert titles == ["Set up this sensor", "Joining", "Done"]
    second = run(chip, seconds=60)  # it does as it was told: the hub is not there, it sleeps
    assert PORTAL not in second.said
    assert second.ended is Ended.ASLEEP


def test_a_wake_keeps_its_budgets(bench: Bench, make_chip: MakeChip) -> None:
    chip = make_chip()
    assert run(chip).ended is Ended.ASLEEP
    for number in range(4):
        wake = Station.of(f"wake {number}", run(chip), bench.parts.linked)
        print(*wake.cells())
        assert wake.run.ended is Ended.ASLEEP
        assert wake.run.said.strip() == ""
        assert 50e6 < wake.run.sleep_us < 60e6
        assert list(over(wake)) == []
    assert wake.heap is not None
    assert LIMITS.heap_free <= wake.heap.free < wake.heap.size == 37_952


def test_lwip_lets_the_length_of_a_lease_be_asked(
    bench: Bench, make_chip: MakeChip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A raw socket hears the server on the port that lwIP keeps for its own client."""
    chip = make_chip()
    rebound: list[bytes] = []
    answer = dhcp.answer

    def heard(message: bytes, *more: object) -> bytes | None:
        # lwIP's own client has no address yet when it asks.
        rebound.extend([message[12:16]] if any(message[12:16]) else [])
        return answer(message, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(dhcp, "answer", heard)
    assert run(chip).ended is Ended.ASLEEP
    assert rebound == [chip.network.address.packed]
    # Lent for twelve hours: it is not asked about in the next wakes.
    for _ in range(2):
        assert run(chip).ended is Ended.ASLEEP
    assert len(rebound) == 1
    # Elsewhere, for less than the minute to the next wake: it is asked about once.
    chip.power_on()
    chip.network.lease_s = 40
    for _ in range(3):
        assert run(chip).ended is Ended.ASLEEP
    assert len(rebound) == 2


def test_the_heap_that_is_read_from_memory_is_the_one_that_python_knows(
    bench: Bench, make_chip: MakeChip
) -> None:
    chip = make_chip(bench.parts.flash())
    lines = [(PORTAL, "\x03"), (">>> ", "import gc,machine\r"), (">>> ", "gc.collect()\r")]
    # No allocation between asking and the end, but for what printing takes.
    lines += [(">>> ", "print(gc.mem_free());machine.reset()\r")]
    ended = run(chip, typed=Typed(lines))
    said = int(ended.said.split("machine.reset()")[-1].split()[0])
    found = heap.read(ended.memory, bench.parts.linked)
    assert found is not None
    assert abs(found.free - said) <= 512


def test_what_hangs_is_reset_by_the_watchdog_and_the_next_start_says_so(
    bench: Bench, make_chip: MakeChip
) -> None:
    chip = make_chip(bench.parts.flash())
    hang = "import machine;w=machine.WDT()\r"
    lines = [(PORTAL, "\x03"), (">>> ", hang), (">>> ", "while True: pass\r"), ("... ", "\r")]
    assert run(chip, typed=Typed(lines)).ended is Ended.WATCHDOG
    lines = [(PORTAL, "\x03"), (">>> ", "import dormouse.start as s,machine\r")]
    lines += [(">>> ", "print(s.CAUSES[machine.reset_cause()]);machine.reset()\r")]
    assert run(chip, typed=Typed(lines)).said.split()[-1] == "watchdog"


def update(chip: EmulatedChip, data: bytes, bench: Bench, **options: object) -> Run:
    """The OTA server takes an image from our own client."""
    stream = protocol.build(data, bench.parts.key)
    chip.network.open_updates()
    chip.surroundings = replace(chip.surroundings, paced=True)
    address = str(chip.network.address)
    sender = threading.Thread(
        target=lambda: asyncio.run(udp.send(stream, address, options=SessionOptions(confirm=0.2)))
    )
    sender.start()
    try:
        return run(chip, seconds=600, **options)
    finally:
        sender.join()


def test_an_update_is_streamed_into_the_linked_server(bench: Bench, make_chip: MakeChip) -> None:
    chip = make_chip()
    ask_for_update(chip)
    small = image.build_application(random.Random(1).randbytes(3000))
    small = image.stamp(small, "9.9.9", bench.parts.build.board, bench.parts.key)
    ended = update(chip, small, bench)
    assert ended.ended is Ended.RESTART, ended.said
    assert SERVING in ended.said
    slot = bench.parts.build.flash_map.app
    assert chip.flash.read_bytes()[slot.offset :][: len(small)] == small


def healthy(chip: EmulatedChip, network_ready: bool = True) -> str:
    """What a device does after a power cut: `measures`, `portal` or `waits for an update`."""
    chip.power_on()
    for _ in range(4):
        ended = run(chip, seconds=90, until=lambda said: PORTAL in said or SERVING in said)
        if PORTAL in ended.said:
            return "portal"
        if SERVING in ended.said:
            return "waits for an update"
        if ended.ended is Ended.ASLEEP:
            return "measures"
        assert ended.ended is Ended.RESTART, ended
    raise AssertionError("starts again and again")


CUTS = int(os.environ.get("CHIP_CUTS", "5"))


@pytest.mark.parametrize("seed", range(CUTS))
def test_a_power_cut_leaves_a_device_that_measures_or_waits(
    bench: Bench, make_chip: MakeChip, seed: int
) -> None:
    """At any flash operation of the first start, of settings written, of an update; at any time of
    a wake and of the OTA server.
    """
    chance = random.Random(seed)
    kind = ("first start", "settings", "wake", "update", "server")[seed % 5]
    if kind == "first start":
        chip = make_chip(bench.parts.flash())
        at = chance.randrange(1, 20)
        ended = run(chip, cut=at, until=lambda said: PORTAL in said)
        assert ended.ended in (Ended.CUT, Ended.KILLED)
        wanted = {"portal"}
    elif kind == "settings":
        chip = make_chip(bench.parts.flash())
        assert PORTAL in run(chip, until=lambda said: PORTAL in said).said
        settings = {"ssid": HOME.ssid, "key": HOME.key, "host": "127.0.0.1", "port": bench.port}
        settings |= {"enrol_port": bench.port, "interval": 60}
        chip.power_on()
        run(chip, cut=chance.randrange(1, 8), typed=Typed(typed_settings(settings)))
        wanted = {"portal", "measures"}
    elif kind == "wake":
        chip = make_chip()
        # Sector 0 watches pins for three seconds, then a wake takes some tenths of one.
        around = chip.surroundings
        chip.surroundings = replace(around, cut_us=chance.randrange(3_150_000, 3_450_000))
        run(chip)
        chip.surroundings = around
        wanted = {"measures"}
    else:
        chip = make_chip()
        ask_for_update(chip)
        small = image.build_application(chance.randbytes(3000))
        small = image.stamp(small, "9.9.9", bench.parts.build.board, bench.parts.key)
        stream = protocol.build(small, bench.parts.key)
        if kind == "update":
            ended = cut_update(chip, stream, chance.randrange(1, 160))
        else:
            at_us = chance.randrange(100_000, 4_000_000)
            chip.surroundings = replace(chip.surroundings, cut_us=at_us)
            ended = cut_update(chip, stream, 0)
        assert ended.ended is Ended.CUT, ended
        chip.surroundings = replace(chip.surroundings, paced=False, cut_us=None)
        wanted = {"waits for an update", "measures"}
    assert healthy(chip) in wanted, (kind, seed)


def cut_update(chip: EmulatedChip, stream: protocol.SignedStream, at: int) -> Run:
    """An update whose receiver loses its power at a flash operation."""
    chip.network.open_updates()
    chip.surroundings = replace(chip.surroundings, paced=True)
    over = threading.Event()

    async def send() -> None:
        task = asyncio.create_task(udp.send(stream, str(chip.network.address)))
        await asyncio.to_thread(over.wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    sender = threading.Thread(target=lambda: asyncio.run(send()))
    sender.start()
    try:
        return run(chip, seconds=600, cut=at)
    finally:
        over.set()
        sender.join()
