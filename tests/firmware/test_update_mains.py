"""Update commands for a device that stays awake: it follows them at once, and goes on meanwhile."""

from __future__ import annotations

import asyncio
import json

import pytest

from host.twin.vm import RESET, Cause
from tests.firmware import updates
from tests.firmware.test_mains import BUTTON, RELAY, SWITCH
from tests.firmware.updates import (
    OTA_REQUEST,
    answering,
    bootloader,
    clear,
    command,
    last_update,
    states,
)
from tests.support.broker import until


class Running:
    """A board with power, until it restarts or loses it."""

    def __init__(self, board) -> None:
        self.board = board

    async def start(self, cause: Cause = Cause.POWER) -> None:
        self.process = await self.board.start(cause)

    async def restarted(self) -> None:
        """Return when it has handed over."""
        async with asyncio.timeout(60):
            assert await self.process.wait() == RESET, self.console()

    def console(self) -> str:
        return (self.board.folder / "console").read_text()


@pytest.fixture
async def device(make_board, admit, ears):
    board = await admit(make_board(switch=SWITCH, sensors=[], interval=3600))
    running = Running(board)
    await running.start()
    await until(lambda: bool(ears.reports(board)))
    yield running
    if running.process.returncode is None:
        running.process.kill()
    await running.process.wait()
    assert "Traceback" not in running.console()


async def test_it_begins_at_once_and_tells_what_became_of_it(device, ears):
    board = device.board
    await ears.source.publish(board.topic + "Switch/On/set", b"1")
    await until(lambda: board.pin(RELAY) == 1)
    async with answering(ears, board, None):
        await ears.say(board, "$ota", command())
        await device.restarted()
    await ears.mark()
    assert states(ears, board) == ["accepted", "updating"]
    assert board.rtc.startswith(OTA_REQUEST)
    bootloader(board)
    await device.start(Cause.SOFT)
    await until(lambda: states(ears, board)[-1] == "failed unchanged")
    await until(lambda: last_update(board)["state"] == "failed")
    assert board.pin(RELAY) == 1
    await ears.say(board, "$ota", command())
    await until(lambda: len(states(ears, board)) == 4)
    assert states(ears, board)[-1] == "failed unchanged"
    assert device.process.returncode is None


async def test_a_command_that_waited_while_it_was_away(device, ears):
    board = device.board
    device.process.kill()
    await device.process.wait()
    await ears.say(board, "$ota", command())
    async with answering(ears, board, None):
        await device.start()
        await device.restarted()
    await ears.mark()
    assert states(ears, board) == ["accepted", "updating"]


async def test_later_it_asks_again(device, ears):
    board = device.board
    async with answering(ears, board, {"id": 1000, "later": 1}, None):
        await ears.say(board, "$ota", command())
        await device.restarted()
    await ears.mark()
    assert states(ears, board) == ["accepted", "accepted", "updating"]


async def test_what_it_refuses_it_refuses_once(device, ears):
    board = device.board
    for _ in range(2):
        await ears.say(board, "$ota", command(board="nodemcu"))
    await ears.say(board, "$ota", command(size=10**6))
    await until(lambda: states(ears, board) == ["refused board", "refused size"])
    await ears.say(board, "$ota", [])
    await until(lambda: states(ears, board)[2:] == ["refused malformed"])


async def test_a_word_that_is_none_of_ours_begins_nothing(device, ears):
    """Another id, a clearing nobody waits for, a command that was taken back."""
    board = device.board
    await clear(ears, board)
    await ears.source.publish(board.topic + "$ota", json.dumps({"id": 1000, "later": 5}))
    async with answering(ears, board, {"id": 999, "later": 1}):
        await ears.say(board, "$ota", command())
        await until(lambda: states(ears, board) == ["accepted"])
        await ears.source.publish(board.topic + "Switch/On/set", b"1")
        await until(lambda: board.pin(RELAY) == 1)
    await ears.say(board, "$ota", command(id=1001, version=updates.VERSION))
    await until(lambda: states(ears, board)[1:] == ["refused running"])
    await clear(ears, board)
    await ears.source.publish(board.topic + "Switch/On/set", b"0")
    await until(lambda: board.pin(RELAY) == 0)
    assert device.process.returncode is None
    assert not last_update(board)


async def test_the_button_works_while_the_hub_is_waited_for(device, ears):
    board = device.board
    await ears.say(board, "$ota", command())
    await until(lambda: states(ears, board) == ["accepted"])
    board.world["pins"] = {str(BUTTON): 0}
    board.provision()
    await until(lambda: board.pin(RELAY) == 1)
