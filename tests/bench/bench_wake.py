"""How long a device is awake on loopback, against a client that sends one packet at a time.

Both are the same firmware on the same VM, from the start of its main module to the sleep call;
only what the MQTT client does differs (programs/naive.py).

Whole lives of the VM besides, from its start to its end: `wake.known_network_s` where finding the
access point and asking for an address would take 0.9 s; `wake.no_reply_s` with an update command
that nobody goes on with; `wake.beyond_deadline_s`, what it is awake beyond its deadline when the
broker's packets are lost.

What goes over the air is counted in the segments of a real TCP connection (segments.py), whose data
are all of MQTT: `wake.bytes_up` and the like for a wake with three values whose readings before are
acknowledged, `wake.backlog_*` for one with 24 readings that waited.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from contracts.batch import FORM
from host.twin import firmware
from host.twin.vm import ASLEEP, Cause
from hub.mqtt.accounts import AccountBook
from hub.mqtt.source import MqttSource
from tests.bench.report import note, report
from tests.bench.segments import LoopbackCapture, Traffic
from tests.firmware.board import Board
from tests.firmware.conftest import takes
from tests.firmware.updates import WANTED, command
from tests.support.broker import MemoryAccounts, open_folder, running_broker, subscriber, until
from tests.support.ports import claimed_port

PROGRAMS = Path(__file__).parent / "programs"
PAIRS = 25
# TCP_SND_BUF of MicroPython's port: what one write holds.
SEND_BUFFER = 2 * 536
DEADLINE_MS = 700

TIMED = """
import sys, utime
t = utime.ticks_us()
{client}
try:
    import main
except SystemExit:
    pass
print("awake_us", utime.ticks_diff(utime.ticks_us(), t))
"""
OURS = TIMED.format(client="")
NAIVE = TIMED.format(client=f"sys.path.append({str(PROGRAMS)!r}); import naive")

# Readings that RTC memory holds before the first is thinned, wakes 5 minutes apart.
CAPACITY = """
from dormouse import rtc
for series in (1, 3):
    record = rtc.Record()
    seq = wakes = 0
    while len(record.pending.data) <= rtc.PENDING_SIZE:
        wakes += 1
        record.pending.add(300 * wakes, seq + 1, [(n, 20.5) for n in range(series)])
        seq += series
    print("holds", seq - series)
"""


async def run() -> None:
    """Alternate the two, compare the best of each."""
    with open_folder() as folder, tempfile.TemporaryDirectory() as work:
        book = AccountBook(MemoryAccounts())
        async with running_broker(book, folder) as broker:
            board = Board(
                Path(work) / "board",
                firmware.compile_to(Path(work) / "firmware"),
                chip=secrets.randbits(32),
                settings={
                    "port": broker.endpoint.port,
                    "enrol_port": broker.enrol_endpoint.port,
                    # Three values, and nothing to wait for.
                    "sensors": [{"driver": "soil"}] * 3,
                },
            )
            board.password = secrets.token_hex(16)
            await book.provision(board.id, "home", board.password)
            await until(lambda: takes(broker.endpoint.port, board.id, board.password))
            async with subscriber(broker.endpoint, board.topic + "#") as (source, got):
                await board.wake(Cause.POWER)
                await until(lambda: any(one.topic.endswith("$batch") for one in got))
                first = next(one for one in got if one.topic.endswith("$batch"))
                boot = json.loads(first.payload)["boot"]

                async def acknowledge(seq: int) -> None:
                    held = json.dumps({"boot": boot, "seq": seq, "batch": FORM})
                    await source.publish(board.topic + "$ack", held, retain=True)

                await air(board, acknowledge)
                await measure(board)
                await whole(board, source)


async def air(board: Board, acknowledge: Callable[[int], Awaitable[None]]) -> None:
    """Report what a wake puts on the air; in the end every reading is acknowledged."""
    await acknowledge(3)
    await board.wake()
    await acknowledge(6)
    up, down = await captured(board)
    report("wake.bytes_up", up.data, "bytes", "<= 400")
    report("wake.bytes_down", down.data, "bytes")
    report("wake.data_segments_up", up.data_segments, "segments", "<= 2")
    report("wake.segments_up", up.segments, "segments")
    report("wake.segments_down", down.segments, "segments")
    report("wake.segments", up.segments + down.segments, "segments", "<= 20")
    await acknowledge(9)
    port, board.settings["port"] = board.settings["port"], claimed_port()
    for _ in range(7):
        await board.wake()
    board.settings["port"] = port
    up, down = await captured(board)
    report("wake.backlog_bytes_up", up.data, "bytes", f"<= {SEND_BUFFER}")
    report("wake.backlog_data_segments_up", up.data_segments, "segments", "<= 3")
    report("wake.backlog_segments", up.segments + down.segments, "segments", "<= 20")
    await acknowledge(33)


async def captured(board: Board) -> tuple[Traffic, Traffic]:
    """One wake's traffic, up and down."""
    with LoopbackCapture(board.settings["port"]) as capture:
        ended = await board.wake()
        assert ended.status == ASLEEP, ended.console
        return capture.counted()


async def measure(board: Board) -> None:
    """Report the figures of one board that was awake once and whose readings are acknowledged."""
    known = board.rtc  # with WiFi's address and access point
    ours, naive = [], []
    for _ in range(PAIRS):
        ours.append(await awake_ms(board, known, OURS))
        naive.append(await awake_ms(board, known, NAIVE))
    note(f"medians: {median(ours):.1f} ms, one packet a write {median(naive):.1f} ms")
    # The least of each: what else the machine does can only add.
    report("wake.awake", min(ours), "ms")
    report("wake.awake_one_packet_a_write", min(naive), "ms")
    report("wake.speedup", min(naive) / min(ours), "x", ">= 5")
    held = (await board.wake(typed=CAPACITY)).console.split()
    report("wake.readings_held_of_one_series", int(held[1]), "readings")
    report("wake.readings_held_of_three_series", int(held[3]), "readings")


async def whole(board: Board, source: MqttSource) -> None:
    """Report what depends on time limits of the firmware's own."""
    network = {"scan_ms": 300, "dhcp_ms": 600}
    board.world["wifi"] |= network
    report("wake.known_network_s", await median_s(board), "s", "<= 0.6")
    board.world["wifi"] |= dict.fromkeys(network, 0)
    board.settings["ota_key"] = WANTED["key"]
    await source.publish(board.topic + "$ota", json.dumps(command()), retain=True)
    report("wake.no_reply_s", await median_s(board), "s", "<= 4")
    await source.publish(board.topic + "$ota", b"", retain=True)
    board.settings["deadline_ms"] = DEADLINE_MS
    board.world["net"] = {"blackhole": True}
    beyond = await median_s(board) - DEADLINE_MS / 1000
    report("wake.beyond_deadline_s", beyond, "s", "<= 1")


async def median_s(board: Board) -> float:
    """Seconds of some lives, of which each slept at its end."""
    took = []
    for _ in range(3):
        ended = await board.wake()
        assert ended.status == ASLEEP, ended.console
        took.append(ended.seconds)
    return median(took)


async def awake_ms(board: Board, memory: bytes, program: str) -> float:
    """One wake from deep sleep with that RTC memory."""
    board.rtc = memory
    ended = await board.wake(typed=program)
    words = ended.console.split()
    assert words[0] == "awake_us", ended.console
    return int(words[1]) / 1000
