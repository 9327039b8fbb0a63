"""Joining WiFi: fast, without writing to flash, and with a way back when things changed."""

from __future__ import annotations

import json

from host.twin.vm import ASLEEP, Cause
from tests.support import seeds


def sdk(board) -> dict:
    """What the SDK keeps in flash."""
    return json.loads((board.folder / "sdk.json").read_text())


async def test_the_address_is_asked_for_once_and_the_access_point_remembered(
    make_board, admit, ears
):
    board = await admit(make_board())
    board.world["wifi"] |= {"scan_ms": 300, "dhcp_ms": 600}
    first = await board.wake(Cause.POWER)
    assert first.seconds > 0.9
    board.world["wifi"] |= {"scan_ms": 600_000, "dhcp_ms": 600_000}
    await board.wake()  # which would hear nothing of either
    assert sdk(board)["bssid"] == "020000000001"
    await ears.mark()
    assert set(ears.seqs(board)) == {1, 2}


async def test_another_access_point_is_found(make_board, admit, ears):
    board = await admit(make_board())
    await board.wake(Cause.POWER)
    written = board.flash_writes
    board.world["wifi"]["bssid"] = "020000000002"
    wake = await board.wake()
    assert wake.status == ASLEEP
    assert sdk(board)["bssid"] == "020000000002"
    assert board.flash_writes == written + 1
    await board.wake()
    assert board.flash_writes == written + 1
    await ears.mark()
    assert set(ears.seqs(board)) == {1, 2, 3}


async def test_nothing_at_all_on_the_air_is_no_fault(make_board, admit, ears):
    """The port's scan raises OSError then."""
    board = await admit(make_board())
    board.world["wifi"]["up"] = False
    for cause in (Cause.POWER, Cause.DEEPSLEEP):
        wake = await board.wake(cause)
        assert (wake.status, wake.console) == (ASLEEP, "")
    board.world["wifi"]["up"] = True
    await board.wake()
    await ears.mark()
    assert set(ears.seqs(board)) == {1, 2, 3}


async def test_another_network_behind_the_same_name_is_noticed(make_board, admit, ears):
    board = await admit(make_board(deadline_ms=1500))
    await board.wake(Cause.POWER)
    board.world["wifi"]["subnet"] = "10.0.7"
    await board.wake()  # its old address reaches nobody
    wake = await board.wake()
    assert wake.status == ASLEEP
    await ears.mark()
    assert set(ears.seqs(board)) == {1, 2, 3}


async def test_new_credentials_are_used(make_board, admit, ears):
    board = await admit(make_board())
    await board.wake(Cause.POWER)
    board.world["wifi"]["key"] = board.settings["key"] = "another key"
    await board.wake()
    await ears.mark()
    assert set(ears.seqs(board)) == {1, 2}


async def test_after_a_power_cut_the_sdks_credentials_do(make_board, admit, ears):
    board = await admit(make_board())
    await board.wake(Cause.POWER)
    written = board.flash_writes
    (board.folder / "rtc.bin").unlink()
    await board.wake(Cause.POWER)
    assert board.flash_writes == written
    (board.folder / "rtc.bin").unlink()
    board.world["wifi"]["bssid"] = "020000000002"
    await board.wake(Cause.POWER)
    await ears.mark()
    assert len({batch.boot for batch in ears.batches(board)}) == 3


async def test_a_hidden_network_is_joined(make_board, admit, ears):
    board = await admit(make_board())
    board.world["wifi"]["hidden"] = True
    await board.wake(Cause.POWER)
    written = board.flash_writes
    await board.wake()
    assert board.flash_writes == written
    await ears.mark()
    assert set(ears.seqs(board)) == {1, 2}


async def test_a_lossy_link_costs_time_not_readings(make_board, admit, ears):
    seed = seeds.seed(20)
    board = await admit(make_board(deadline_ms=4000))
    for life in range(4):
        board.world["net"] = {"loss": 0.2, "latency_ms": 20, "seed": seed + life}
        wake = await board.wake()
        assert wake.status == ASLEEP
    board.world["net"] = {}
    await board.wake()
    await ears.mark()
    assert set(ears.seqs(board)) == set(range(1, 6))
