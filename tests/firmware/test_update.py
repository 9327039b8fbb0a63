"""Update commands for a device that sleeps: accepted, refused, begun, told, one wake at a time."""

from __future__ import annotations

import asyncio
import json
import os
import signal

import pytest

from host.twin.vm import ASLEEP, RESET, Cause
from tests.firmware import updates
from tests.firmware.board import START_S
from tests.firmware.updates import (
    OTA_REQUEST,
    answering,
    bootloader,
    clear,
    command,
    last_update,
    said,
    states,
)
from tests.support.broker import until

# How long a device waits for the hub's reply.
REPLY_S = 2
# The same firmware, but it would wait longer than the test does.
PATIENT = """
from dormouse import ota_negotiation
ota_negotiation.REPLY_MS = 600_000
import main
"""


@pytest.fixture
async def board(make_board, admit, ears):
    """A board that was awake once: WiFi and account are known."""
    board = await admit(make_board(ota_key=updates.WANTED["key"]))
    await board.wake(Cause.POWER)
    return board


async def begin(board, ears) -> None:
    """Let the board take a command and hand over."""
    await ears.say(board, "$ota", command())
    async with answering(ears, board, None):
        wake = await board.wake()
    assert wake.status == RESET, wake.console


async def test_it_says_where_it_is_and_hands_over_when_the_command_is_cleared(board, ears):
    written = board.flash_writes
    await ears.say(board, "$ota", command())
    async with answering(ears, board, None):
        wake = await board.wake()
    assert wake.status == RESET, wake.console
    await ears.mark()
    accepted, updating = said(ears, board)
    assert (accepted["id"], accepted["state"]) == (1000, "accepted")
    assert accepted["address"].startswith("192.168.4.")
    assert updating == {"id": 1000, "state": "updating"}
    assert board.rtc.startswith(OTA_REQUEST)
    assert last_update(board) == {"id": 1000, "version": "9.9.9", "from": "0.1.0", "state": "open"}
    # `ota.json`, and credentials without a lock to an access point.
    assert board.flash_writes == written + 2


async def test_what_became_of_it_is_told_once_and_noted(board, ears):
    await begin(board, ears)
    bootloader(board)
    written = board.flash_writes
    wake = await board.wake(Cause.SOFT)
    assert wake.status == ASLEEP, wake.console
    await ears.mark()
    assert states(ears, board) == ["accepted", "updating", "failed unchanged"]
    assert last_update(board)["state"] == "failed"
    assert board.rtc.startswith(bytes(8))
    # `ota.json`, and the access point that it is locked to again.
    assert board.flash_writes == written + 2
    await board.wake()
    await board.wake()
    assert board.flash_writes == written + 2
    await ears.mark()
    assert len(states(ears, board)) == 3


async def test_nobody_answers_and_it_sleeps_as_usual(board, ears):
    written = board.flash_writes
    await ears.say(board, "$ota", command())
    for _ in range(2):
        wake = await board.wake()
        assert wake.status == ASLEEP, wake.console
        assert wake.seconds < REPLY_S + START_S
    await ears.mark()
    assert states(ears, board) == ["accepted", "accepted"]
    assert not last_update(board)
    assert board.flash_writes == written


async def test_later_ends_the_waiting_and_it_asks_again(board, ears):
    board.settings["deadline_ms"] = 60_000
    await ears.say(board, "$ota", command())
    async with answering(ears, board, {"id": 1000, "later": 60}):
        wake = await board.wake(within=50, typed=PATIENT)
    assert wake.status == ASLEEP, wake.console
    async with answering(ears, board, None):
        wake = await board.wake()
    assert wake.status == RESET, wake.console


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, "malformed"),
        ({"id": "1000"}, "malformed"),
        ({"version": "newest"}, "malformed"),
        ({"size": "large"}, "malformed"),
        ({"device": "esp8266_00000000"}, "device"),
        ({"version": "0.1.0"}, "running"),
        ({"board": "nodemcu"}, "board"),
        ({"size": 0x99001}, "size"),
        ({"key": "0123456789abcdef"}, "key"),
        ({"key": None}, "key"),
        ({"version": "0.0.9"}, "downgrade"),
        ({"battery_mv": 4000}, "battery"),
    ],
)
async def test_what_does_not_fit_is_refused_once(board, ears, changes, reason):
    written = board.flash_writes
    await ears.say(board, "$ota", command(**changes))
    for _ in range(3):
        assert (await board.wake()).status == ASLEEP
    await ears.mark()
    assert states(ears, board) == [f"refused {reason}"]
    assert board.flash_writes == written
    await clear(ears, board)
    await board.wake()
    await ears.say(board, "$ota", command(**changes))
    await board.wake()
    await ears.mark()
    assert states(ears, board) == [f"refused {reason}"] * 2


@pytest.mark.parametrize("payload", ["[]", "7", '"go"', '{"id": 1e9', "{" * 2000])
async def test_nonsense_is_refused_once(board, ears, payload):
    await ears.source.publish(board.topic + "$ota", payload, retain=True)
    for _ in range(2):
        assert (await board.wake()).status == ASLEEP
    await ears.mark()
    assert states(ears, board) == ["refused malformed"]


async def test_a_command_is_never_followed_twice(board, ears):
    await begin(board, ears)
    bootloader(board)
    await board.wake(Cause.SOFT)
    for same, answer in (
        (command(), "failed unchanged"),
        (command(id=999), "refused old"),
    ):
        await ears.say(board, "$ota", same)
        (board.folder / "rtc.bin").unlink()
        assert (await board.wake(Cause.POWER)).status == ASLEEP
        await ears.mark()
        assert states(ears, board)[-1] == answer
    await ears.say(board, "$ota", command(id=1001))
    async with answering(ears, board, None):
        assert (await board.wake()).status == RESET


async def test_a_short_deadline_bounds_the_waiting(board, ears):
    board.settings["deadline_ms"] = 700
    await ears.say(board, "$ota", command())
    wake = await board.wake()
    assert wake.status == ASLEEP
    assert wake.seconds < 0.7 + START_S
    await ears.mark()
    assert states(ears, board) == ["accepted"]


async def test_a_broker_that_hangs_while_it_waits(board, ears, broker):
    await ears.say(board, "$ota", command())
    waking = asyncio.create_task(board.wake())
    await until(lambda: states(ears, board) == ["accepted"])
    os.kill(broker.main.pid, signal.SIGSTOP)
    try:
        wake = await waking
    finally:
        os.kill(broker.main.pid, signal.SIGCONT)
    assert wake.status == ASLEEP, wake.console
    assert not last_update(board)


async def test_readings_that_wait_go_through_it(board, ears):
    await begin(board, ears)
    bootloader(board)
    await board.wake(Cause.SOFT)
    await board.wake()
    await ears.mark()
    assert set(ears.seqs(board)) == {1, 2, 3, 4}
    assert len({batch.boot for batch in ears.batches(board)}) == 1
    # Its clock stood still meanwhile: rather ahead than behind.
    ups = [report.raw["up"] for report in ears.reports(board)]
    assert 120 <= ups[2] - ups[1] < 125
    assert 299 <= ups[3] - ups[2] < 305
    # Nothing was acknowledged, so all of it is in the record still.
    assert ears.batches(board)[-1].after in {0, 3}


async def test_it_moves_and_is_updated_in_one_wake(board, ears):
    """Credentials that have just proved themselves are those that the OTA server will find."""
    await ears.say(board, "$config", {"version": 2, "wifi": {"ssid": "upstairs", "key": "k"}})
    await board.wake()
    board.world["wifi"] |= {"ssid": "upstairs", "key": "k"}
    await ears.say(board, "$ota", command())
    async with answering(ears, board, None):
        assert (await board.wake()).status == RESET
    sdk = json.loads((board.folder / "sdk.json").read_text())
    assert (sdk["ssid"], sdk["bssid"]) == ("upstairs", None)
    assert json.loads((board.folder / "flash/settings.json").read_text())["ssid"] == "upstairs"
