"""Several brokers: another is found when one is away, in the same wake and without flash."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from host.twin.vm import ASLEEP, Cause
from tests.firmware.test_enrolment import pass_on


class Doorway:
    """What listens at an address of loopback at the broker's port; who came there."""

    def __init__(self) -> None:
        self.came = 0


@contextlib.asynccontextmanager
async def silent(address: str, port: int) -> AsyncIterator[Doorway]:
    """Takes connections, and says nothing."""
    doorway = Doorway()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        doorway.came += 1
        with contextlib.suppress(OSError):
            while await reader.read(1024):
                pass
        writer.close()

    async with await asyncio.start_server(swallow, address, port):
        yield doorway


@contextlib.asynccontextmanager
async def leading_on(address: str, port: int) -> AsyncIterator[Doorway]:
    """Another broker, as far as a device can tell."""
    doorway = Doorway()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        doorway.came += 1
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pass_on(reader, back), pass_on(there, writer))
        for one in (back, writer):
            one.close()

    async with await asyncio.start_server(lead, address, port):
        yield doorway


async def test_a_wake_finds_a_broker_that_answers_and_stays_with_it(
    make_board, admit, broker, ears
):
    # Nobody listens at the first, the second says nothing.
    board = await admit(make_board(host="127.0.0.2", brokers="127.0.0.3,127.0.0.1"))
    async with silent("127.0.0.3", broker.endpoint.port) as hung:
        wake = await board.wake(Cause.POWER)
        assert wake.status == ASLEEP, wake.console
        assert hung.came == 1
        written = board.flash_writes
        for _ in range(2):
            await board.wake()
        assert hung.came == 1
        assert board.flash_writes == written
        # Told of others: what is remembered may be none of them.
        await ears.say(board, "$config", {"version": 1, "brokers": "127.0.0.1,127.0.0.3"})
        await board.wake()
        board.settings |= json.loads((board.folder / "flash" / "settings.json").read_text())
        assert board.settings["brokers"] == "127.0.0.1,127.0.0.3"
        await board.wake()
        assert hung.came == 1
    await ears.mark()
    assert sorted(set(ears.seqs(board))) == [1, 2, 3, 4, 5]
    assert ears.reports(board)[-1].config == 1
    assert "problems" not in ears.reports(board)[-1].raw


async def test_when_its_broker_dies_another_has_what_the_device_measured(
    make_board, admit, broker, ears
):
    board = await admit(make_board(host="127.0.0.2", brokers="127.0.0.1"))
    async with leading_on("127.0.0.2", broker.endpoint.port) as first:
        await board.wake(Cause.POWER)
        await board.wake()
        assert first.came == 2
    wake = await board.wake()
    assert "broker:" not in wake.console
    # It is back, and no reason to change again.
    async with leading_on("127.0.0.2", broker.endpoint.port) as first:
        await board.wake()
        assert first.came == 0
    await ears.mark()
    assert sorted(set(ears.seqs(board))) == [1, 2, 3, 4]
    # None answers: it sleeps, and finds one later.
    port, board.settings["port"] = board.settings["port"], 1
    assert (await board.wake()).status == ASLEEP
    board.settings["port"] = port
    await board.wake()
    await ears.mark()
    assert sorted(set(ears.seqs(board))) == [1, 2, 3, 4, 5, 6]
