"""Whatever is wrong with WiFi, broker or memory: the device is asleep again in time."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import pytest

from host.twin.vm import ASLEEP, RESET, Cause
from tests.firmware.board import START_S, Board
from tests.firmware.conftest import silent_server
from tests.support import seeds
from tests.support.broker import until
from tests.support.ports import claimed_port

DEFAULT_MS = 10000
SHORT_MS = 700


def wifi_down(board: Board) -> None:
    board.world["wifi"]["up"] = False


def wifi_never_joins(board: Board) -> None:
    board.world["wifi"]["associate_ms"] = 600000


def wifi_without_dhcp(board: Board) -> None:
    board.world["wifi"]["dhcp_ms"] = 600000


def wrong_key(board: Board) -> None:
    board.settings["key"] = "not the key"


def port_closed(board: Board) -> None:
    board.settings["port"] = claimed_port()


def blackhole(board: Board) -> None:
    board.world["net"] = {"blackhole": True}


def lossy_beyond_use(board: Board) -> None:
    board.world["net"] = {"loss": 0.97, "latency_ms": 300}


def no_such_name(board: Board) -> None:
    board.settings["host"] = "no-such-host.invalid"


TROUBLES = [
    wifi_down,
    wifi_never_joins,
    wifi_without_dhcp,
    wrong_key,
    port_closed,
    blackhole,
    lossy_beyond_use,
    no_such_name,
]


async def asleep_in_time(board: Board, *, deadline_ms: int, wakes: int) -> None:
    """Check `wakes` wakes: asleep in time for a normal sleep, and flash untouched but at first."""
    interval = board.settings["interval"]
    board.world["adc_mv"] = 800
    wake = await board.wake(Cause.POWER)
    written = board.flash_writes
    assert written <= 4, wake.console  # the SDK's three, the password if it got that far
    for _ in range(wakes):
        assert wake.status == ASLEEP, wake.console
        assert "Traceback" not in wake.console
        assert wake.seconds < deadline_ms / 1000 + START_S, wake.console
        assert (interval - deadline_ms / 1000 - START_S) * 1e6 < wake.sleep_us <= interval * 1e6
        wake = await board.wake()
    assert board.flash_writes <= written + 1
    before = board.flash_writes
    wake = await board.wake()
    assert wake.status == ASLEEP
    assert board.flash_writes == before


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__)
async def test_asleep_within_a_short_deadline(make_board, trouble):
    board = make_board(deadline_ms=SHORT_MS)
    board.password = "0" * 32
    trouble(board)
    await asleep_in_time(board, deadline_ms=SHORT_MS, wakes=2)


async def test_asleep_within_a_short_deadline_of_a_silent_broker(make_board):
    async with silent_server() as port:
        board = make_board(deadline_ms=SHORT_MS, port=port)
        await asleep_in_time(board, deadline_ms=SHORT_MS, wakes=2)


async def test_asleep_within_the_default_deadline(make_board):
    """All at once, since a VM that waits costs nothing."""

    async def one(board: Board) -> None:
        wake = await board.wake(Cause.POWER)
        assert wake.status == ASLEEP, wake.console
        assert wake.seconds < DEFAULT_MS / 1000 + START_S, wake.console

    async with silent_server() as port:
        boards = [make_board(port=port)]
        for trouble in TROUBLES:
            boards.append(make_board())
            trouble(boards[-1])
        await asyncio.gather(*(one(board) for board in boards))


async def test_a_wrong_password_is_given_up_in_time_and_not_tried_for_ever(
    make_board, admit, ears, enrolments
):
    board = await admit(make_board(deadline_ms=1500))
    board.password = "f" * 32
    for _ in range(5):
        wake = await board.wake()
        assert wake.status == ASLEEP, wake.console
        assert wake.seconds < 1.5 + START_S, wake.console
    await ears.mark()
    # Enrolled again in its first wakes, then only now and then.
    await until(lambda: len(enrolments) == 3)
    assert not ears.batches(board)
    assert board.flash_writes == 3


async def test_a_program_that_hangs_is_reset_and_sleeps(make_board, admit, ears):
    board = await admit(make_board(sensors=[{"driver": "dht22", "pin": 14}, {"driver": "battery"}]))
    board.world |= {"hang": ["dht22"], "watchdog_ms": 300}
    hung = await board.wake(Cause.POWER)
    assert (hung.status, (board.folder / "reset-cause").read_text()) == (RESET, "1")
    wake = await board.wake(Cause.WATCHDOG)
    assert wake.status == ASLEEP
    assert wake.sleep_us > 299e6
    board.world["hang"] = []
    await board.wake()
    await ears.mark()
    assert [report.reset for report in ears.reports(board)] == ["watchdog"]


async def damaged(memory: bytes, chance: random.Random) -> list[bytes]:
    """Ways in which RTC memory can be wrong."""
    flipped = bytearray(memory)
    flipped[chance.randrange(8, len(flipped))] ^= 1 << chance.randrange(8)
    return [
        bytes(flipped),
        memory[: chance.randrange(9, len(memory))],
        memory + b"\0",
        chance.randbytes(492),
        b"\xff" * 492,
        b"",
    ]


async def test_a_damaged_record_starts_a_new_boot_identity(make_board, admit, ears):
    seed = seeds.seed()
    board = await admit(make_board())
    await board.wake(Cause.POWER)
    whole = board.rtc
    for memory in await damaged(whole, random.Random(seed)):
        board.rtc = memory
        wake = await board.wake()
        assert wake.status == ASLEEP, wake.console
        assert "Traceback" not in wake.console
    await ears.mark()
    batches = ears.batches(board)
    assert len(batches) == 7
    assert len({batch.boot for batch in batches}) == 7
    assert all(batch.entries[0].seq == 1 and batch.up < 5 for batch in batches)


def _wakes(count: int) -> str:
    """A program that adds the readings of so many wakes, one each, to those that wait."""
    return (
        "from dormouse import rtc; record, _ = rtc.load()\n"
        f"for n in range({count}):\n"
        "    record.up_s += 300; record.seq += 1\n"
        "    record.pending.add(record.up_s, record.seq, [(0, n % 100)])\n"
        "    rtc.save(record)\n"
    )


async def test_full_memory_thins_the_past_and_counts_it(make_board, admit, ears):
    board = await admit(make_board())
    board.world["wifi"]["up"] = False
    await board.wake(Cause.POWER)
    # As many wakes as fill the memory twice over, without living through each.
    filled = await board.wake(typed=_wakes(120))
    assert filled.status == 0, filled.console
    assert len(board.rtc) <= 492
    board.world["wifi"]["up"] = True
    wake = await board.wake()
    assert wake.status == ASLEEP, wake.console
    assert "Traceback" not in wake.console
    await ears.mark()
    batches = ears.batches(board)
    seqs = ears.seqs(board)
    assert batches[-1].last == 122
    # Each says what it accounts for: together everything, thinned out or not.
    assert [batch.after for batch in batches] == [0] + [batch.last for batch in batches[:-1]]
    assert {batch.lost for batch in batches} == {122 - len(seqs)}
    assert len(seqs) >= 50
    # Beginning and end stay, the older half has become coarser.
    assert seqs[0] == 1
    newest = seqs[-len(seqs) // 3 :]
    assert newest == list(range(122 - len(newest) + 1, 123))
    gaps = [later - earlier for earlier, later in pairwise(seqs)]
    assert max(gaps) <= 8
    ages = [entry.age for batch in batches for entry in batch.entries]
    assert ages == sorted(ages, reverse=True)
    assert ages[0] == pytest.approx(121 * 300, abs=3)


async def test_a_record_that_cannot_be_saved_does_not_keep_it_awake(make_board, admit, ears):
    board = await admit(make_board())
    broken = "from dormouse import rtc, sleep\nrtc.Record.pack = lambda self: 1 // 0\nimport main"
    wake = await board.wake(Cause.POWER, typed=broken)
    assert wake.status == ASLEEP, wake.console
    assert wake.sleep_us > 299e6
    await board.wake()
    await ears.mark()
    assert ears.seqs(board) == [1]


async def test_a_radio_that_fails_leaves_the_reading(make_board, admit, ears):
    board = await admit(make_board())
    broken = (
        "from dormouse import wifi\n"
        "def fail(self): raise OSError('Wifi Internal Error')\n"
        "wifi.Station.start = fail\nimport main"
    )
    wake = await board.wake(Cause.POWER, typed=broken)
    assert wake.status == ASLEEP, wake.console
    await board.wake()
    await ears.mark()
    assert ears.seqs(board) == [1, 2]


@pytest.mark.parametrize(
    ("hub", "module", "most", "failures", "pieces"),
    [
        ("HUB_LISTS", "messages", 400, 2, [6, 6, 6, 5]),
        ("HUB_ROWS", "rows", 300, 1, [18, 4]),
    ],
)
async def test_what_the_heap_is_too_small_for_goes_out_in_smaller_pieces(
    make_board, admit, ears, hub, module, most, failures, pieces
):
    """In either form of `$batch`: a payload of more than `most` bytes finds no memory."""
    board = await admit(make_board())
    board.world["wifi"]["up"] = False
    await board.wake(Cause.POWER)
    known = f"record.hub = rtc.{hub}; rtc.save(record)\n"
    await board.wake(typed=_wakes(19) + known)
    board.world["wifi"]["up"] = True
    small = (
        f"from dormouse import {module} as form\n"
        "whole = form.batch\n"
        "def batch(*given):\n"
        "    payload, last = whole(*given)\n"
        f"    if payload and len(payload) > {most}: raise MemoryError\n"
        "    return payload, last\n"
        "form.batch = batch\nimport main"
    )
    for failed in [True] * failures + [False]:
        wake = await board.wake(typed=small)
        assert wake.status == ASLEEP, wake.console
        assert ("MemoryError" in wake.console) is failed, wake.console
    await ears.mark()
    # Half of what was too much, each time, until it was not.
    assert len(ears.reports(board)) == 1
    assert [len(batch.entries) for batch in ears.batches(board)] == pieces
    assert ears.seqs(board) == list(range(1, 22 + failures))


async def test_the_fullest_memory_and_every_sensor_fit_the_heap(make_board, admit, ears):
    sensors = [
        {"driver": "bme280", "scl": 5, "sda": 4},
        {"driver": "dht22", "pin": 14},
        {"driver": "ds18b20", "pin": 2},
        {"driver": "battery"},
    ]
    board = await admit(make_board(sensors=sensors))
    board.world["wifi"]["up"] = False
    await board.wake(Cause.POWER)
    fill = (
        "from dormouse import rtc; record, _ = rtc.load()\n"
        "for n in range(20):\n"
        "    record.up_s += 300; record.seq += 7\n"
        "    values = [(i, 1000.25 + i) for i in range(7)]\n"
        "    record.pending.add(record.up_s, record.seq - 6, values)\n"
        "    rtc.save(record)\n"
        # All of it was sent, none acknowledged: it is sent again with the new.
        "record.sent_seq = record.seq\n"
        "rtc.save(record)\n"
    )
    filled = await board.wake(typed=fill)
    assert filled.status == 0, filled.console
    board.world["wifi"]["up"] = True
    wake = await board.wake()
    assert wake.status == ASLEEP, wake.console
    assert wake.console == ""
    await ears.mark()
    batches = ears.batches(board)
    assert [entry.seq for entry in batches[0].entries] == list(range(148, 155))
    again = [entry.seq for batch in batches[1:] for entry in batch.entries]
    assert len(again) > 70
    assert max(again) == 147
    assert ears.reports(board)[-1].heap_free > 4096
