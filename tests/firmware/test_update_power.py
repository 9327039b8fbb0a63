"""Power lost at every step of an update: no command is followed twice, and each ends named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from host.twin.vm import ASLEEP, RESET, Cause
from tests.firmware import updates
from tests.firmware.updates import (
    OTA_REQUEST,
    OTA_TRIED,
    answering,
    bootloader,
    clear,
    command,
    last_update,
    states,
)

PROGRAMS = Path(__file__).parent / "programs"
CUT = 9
MOST_STEPS = 60


@pytest.fixture
async def board(make_board, admit, ears):
    """A board that was awake once."""
    board = await admit(make_board())
    await board.wake(Cause.POWER)
    return board


async def power_on(board):
    """A wake after power was lost."""
    (board.folder / "rtc.bin").unlink(missing_ok=True)
    return await board.wake(Cause.POWER)


async def cut(board, step: int, cause: Cause = Cause.DEEPSLEEP):
    """A wake that loses power before its n-th write to flash, RTC memory or the broker."""
    typed = f"import sys; sys.path.append({str(PROGRAMS)!r}); import cut; cut.at({step})"
    return await board.wake(cause, typed=typed)


async def test_at_every_step_until_the_hand_over(board, ears):
    """Whatever was done before the cut, the next wakes tell of it or begin anew, never both."""
    kept = board.folder.with_name("kept")
    shutil.copytree(board.folder, kept)
    ends = []
    for step in range(1, MOST_STEPS):
        shutil.rmtree(board.folder)
        shutil.copytree(kept, board.folder)
        told = len(states(ears, board))
        await ears.say(board, "$ota", command(id=1000 + step))
        async with answering(ears, board, None):
            ended = await cut(board, step)
        if ended.status == RESET:
            break
        assert ended.status == CUT, ended.console
        # The command was cleared, or is now: what the hub asked for is known by `ota.json` alone.
        await clear(ears, board)
        for _ in range(2):
            wake = await power_on(board)
            assert wake.status == ASLEEP, wake.console
        await ears.mark()
        said = states(ears, board)[told:]
        assert said.count("updating") <= 1, (step, said)
        outcome = [one for one in said if one.startswith("failed")]
        assert outcome == (["failed interrupted"] if last_update(board) else []), (step, said)
        assert json.loads((board.folder / "flash/settings.json").read_text())
        ends.append(" ".join(said))
    else:
        pytest.fail("no wake came to its end")
    # Cuts before it accepted, after that, after it said that it begins, and after that was stored.
    assert set(ends) == {
        "",
        "accepted",
        "accepted updating",
        "accepted updating failed interrupted",
    }


async def test_at_every_step_of_the_first_wake_after_it(board, ears):
    await ears.say(board, "$ota", command())
    async with answering(ears, board, None):
        assert (await board.wake()).status == RESET
    bootloader(board)
    kept = board.folder.with_name("kept")
    shutil.copytree(board.folder, kept)
    for step in range(1, MOST_STEPS):
        shutil.rmtree(board.folder)
        shutil.copytree(kept, board.folder)
        await ears.mark()
        told = len(states(ears, board))
        ended = await cut(board, step, Cause.SOFT)
        if ended.status == ASLEEP:
            break
        assert ended.status == CUT, ended.console
        for _ in range(2):
            assert (await power_on(board)).status == ASLEEP
        await ears.mark()
        said = states(ears, board)[told:]
        # Told at least once; twice only if it could not store that the broker has it.
        assert 1 <= len(said) <= 2, (step, said)
        assert set(said) <= {"failed unchanged", "failed interrupted"}
        assert last_update(board)["state"] == "failed"
        written = board.flash_writes
        await board.wake()
        assert board.flash_writes == written
    else:
        pytest.fail("no wake came to its end")


async def test_lost_before_the_ota_server_was_reached(board, ears):
    await ears.say(board, "$ota", command())
    async with answering(ears, board, None):
        await board.wake()
    await power_on(board)
    await ears.mark()
    assert states(ears, board) == ["accepted", "updating", "failed interrupted"]


async def test_a_device_without_an_ota_server_says_so_and_asks_no_more(board, ears):
    await ears.say(board, "$ota", command())
    async with answering(ears, board, None):
        await board.wake()
    assert board.rtc.startswith(OTA_REQUEST)
    await board.wake(Cause.SOFT)
    assert board.rtc.startswith(bytes(8))
    await ears.mark()
    assert states(ears, board)[-1] == "failed interrupted"


async def test_the_outcome_waits_for_the_broker(board, ears):
    """Told at the first wake that reaches it, noted then, with nothing written in between."""
    (board.folder / "flash/ota.json").write_text(
        json.dumps({"id": 7, "version": updates.VERSION, "from": "0.0.9", "state": "open"})
    )
    board.rtc = OTA_TRIED + board.rtc[8:]
    written = board.flash_writes
    board.world["net"] = {"blackhole": True}
    board.settings["deadline_ms"] = 700
    for cause in (Cause.SOFT, Cause.DEEPSLEEP, Cause.DEEPSLEEP):
        assert (await board.wake(cause)).status == ASLEEP
        assert last_update(board)["state"] == "open"
    assert board.flash_writes == written
    board.world["net"] = {}
    await board.wake()
    await board.wake()
    await ears.mark()
    assert states(ears, board) == ["updated"]
    assert last_update(board)["state"] == "updated"
    assert board.flash_writes == written + 1
    assert set(ears.seqs(board)) == set(range(min(ears.seqs(board)), 7))


async def test_a_full_flash_begins_nothing(board, ears):
    """A folder where the new `ota.json` would be cannot be opened for writing."""
    (board.folder / "flash/ota.json.new").mkdir()
    await ears.say(board, "$ota", command())
    async with answering(ears, board, None):
        wake = await board.wake()
    assert wake.status == ASLEEP, wake.console
    await ears.mark()
    assert states(ears, board) == ["accepted", "updating", "failed flash"]
