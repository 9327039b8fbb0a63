"""A relay switch on mains power: the real firmware, awake, against a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal

import pytest

from contracts.batch import FORM
from host.twin.vm import RESET, Cause
from tests.support.broker import until

RELAY, BUTTON, LED = 12, 0, 13
SWITCH = {"relay": RELAY, "button": BUTTON, "led": LED}


@contextlib.asynccontextmanager
async def running(board, cause: Cause = Cause.POWER):
    """The board with power."""
    process = await board.start(cause)
    try:
        yield process
        assert process.returncode is None, (board.folder / "console").read_text()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    assert "Traceback" not in (board.folder / "console").read_text()


@pytest.fixture
async def board(make_board, admit):
    return await admit(make_board(switch=SWITCH, sensors=[], interval=3600))


async def test_it_obeys_and_says_so(board, ears):
    state = board.topic + "Switch/On"
    async with running(board):
        await until(lambda: ears.payloads(state) == [b"0"])
        assert ears.payloads(board.topic + "$online") == [b"1"]
        for wanted, expected in ((b"1", b"1"), (b"false", b"0"), (b"TRUE", b"1")):
            await ears.source.publish(state + "/set", wanted)
            await until(lambda want=expected: ears.payloads(state)[-1:] == [want])
            assert board.pin(RELAY) == int(expected)
            assert board.pin(LED) == 1 - int(expected)
        for nonsense in (b"", b"2", b"\xff\xfe", b"on off", b"1" * 3000):
            await ears.source.publish(state + "/set", nonsense)
        await ears.source.publish(state + "/set", b"0")
        await until(lambda: ears.payloads(state)[-1:] == [b"0"])
        report = ears.reports(board)[-1]
        assert (report.next_wake_s, report.reset) == (None, "power")
        seqs = ears.seqs(board)
    assert board.flash_writes == 3
    assert sorted(set(seqs)) == list(range(1, max(seqs) + 1))
    on = [entry.raw for batch in ears.batches(board) for entry in batch.entries]
    assert on[:4] == [0, 1, 0, 1]


async def test_its_state_is_retained_and_its_end_announced(board, broker, ears):
    online = board.topic + "$online"
    async with running(board):
        await until(lambda: ears.payloads(online) == [b"1"])
    await until(lambda: ears.payloads(online)[-1:] == [b"0"])
    retained: list = []
    await ears.source.stop()
    await ears.source.start(retained.append)
    await until(
        lambda: (
            {(one.topic, one.payload) for one in retained if one.retained}
            >= {(online, b"0"), (board.topic + "Switch/On", b"0")}
        )
    )


async def test_the_button_toggles_with_or_without_a_network(board, ears):
    state = board.topic + "Switch/On"

    async def press() -> None:
        """Hold the button until the relay has toggled."""
        wanted = 1 - board.pin(RELAY)
        board.world["pins"] = {str(BUTTON): 0}
        board.provision()
        await until(lambda: board.pin(RELAY) == wanted)
        board.world["pins"] = {str(BUTTON): 1}
        board.provision()

    board.world["wifi"]["up"] = False
    async with running(board):
        # Its first state is recorded by then: of a press before that only the end would be.
        await until((board.folder / "rtc.bin").exists)
        await press()
        assert board.pin(RELAY) == 1
        board.world["wifi"]["up"] = True
        board.provision()
        await until(lambda: ears.payloads(state) == [b"1"], within=60)
        await press()
        await until(lambda: ears.payloads(state)[-1] == b"0")
    values = [entry.raw for batch in ears.batches(board) for entry in batch.entries]
    assert values == [0, 1, 0]


async def test_it_keeps_readings_while_the_network_is_away(make_board, admit, ears):
    board = await admit(make_board(switch=SWITCH, sensors=[{"driver": "battery"}], interval=1))
    async with running(board):
        await until(lambda: len(ears.reports(board)) == 2)
        board.world["wifi"]["up"] = False
        board.provision()
        held = len(board.rtc)
        # Two more readings of 6 bytes at least.
        await until(lambda: len(board.rtc) >= held + 12)
        said = max(ears.seqs(board))
        board.world["wifi"]["up"] = True
        board.provision()
        await until(lambda: max(ears.seqs(board)) >= said + 3, within=60)
    seqs = sorted(set(ears.seqs(board)))
    assert seqs == list(range(1, seqs[-1] + 1))
    assert board.flash_writes == 3


async def test_its_clock_outlives_a_restart(board, ears):
    """Though nothing was measured meanwhile: the interval is an hour."""
    async with running(board):
        await until(lambda: bool(ears.reports(board)))
        kept = board.rtc
        for _ in range(2):  # it writes its clock from time to time
            await until(lambda before=kept: board.rtc != before)
            kept = board.rtc
    async with running(board, Cause.WATCHDOG):
        await until(lambda: len(ears.reports(board)) == 2)
    before, after = ears.reports(board)
    assert after.boot == before.boot
    assert after.up >= before.up + 3


async def test_it_comes_back_to_a_broker_that_was_killed(make_board, admit, ears, broker):
    board = await admit(make_board(switch=SWITCH, sensors=[{"driver": "battery"}], interval=1))
    async with running(board):
        await until(lambda: len(ears.reports(board)) == 2)
        said = max(ears.seqs(board))
        os.kill(broker.main.pid, signal.SIGKILL)
        await until(lambda: max(ears.seqs(board)) >= said + 3, within=60)
    seqs = sorted(set(ears.seqs(board)))
    assert seqs == list(range(1, seqs[-1] + 1))


async def test_what_the_database_holds_is_forgotten_at_once(board, ears):
    async with running(board):
        await until(lambda: ears.seqs(board) == [1])
        held = len(board.rtc)
        await ears.acknowledge(board, 1)
        await until(lambda: len(board.rtc) < held)


async def test_a_silent_broker_is_left(board, ears, broker):
    """The broker is stopped like a process that hangs: the connection stays, nothing answers."""
    board.settings |= {"interval": 1}
    async with running(board):
        await until(lambda: bool(ears.reports(board)))
        os.kill(broker.main.pid, signal.SIGSTOP)
        try:
            console = board.folder / "console"
            await until(lambda: "Timeout" in console.read_text(), within=60)
        finally:
            os.kill(broker.main.pid, signal.SIGCONT)
        await until(lambda: len(ears.payloads(board.topic + "$online")) >= 3, within=60)


async def test_after_a_restart_the_relay_is_as_it_was(board, ears):
    state = board.topic + "Switch/On"
    async with running(board):
        await until(lambda: ears.payloads(state) == [b"0"])
        await ears.source.publish(state + "/set", b"1")
        await until(lambda: ears.payloads(state)[-1] == b"1")
    (board.folder / "pins.json").unlink()
    async with running(board, Cause.WATCHDOG):
        await until(lambda: ears.payloads(state)[-2:] == [b"1", b"1"])
        assert board.pin(RELAY) == 1
        assert ears.reports(board)[-1].reset == "watchdog"
    assert len({batch.boot for batch in ears.batches(board)}) == 1


async def test_pings_keep_the_connection(board, ears, broker):
    """With a keep-alive of 1 s the broker would drop us after 1.5 s without pings."""
    code = (
        "from dormouse import mains, mqtt_session\n"
        "mqtt_session.KEEPALIVE_S = 1\nmains._PING_MS = 300\nimport main\n"
    )
    process = await board.start(Cause.POWER, code)
    try:
        await until(lambda: bool(ears.reports(board)))
        loop = asyncio.get_running_loop()
        online = board.topic + "$online"
        end = loop.time() + 3
        await until(lambda: loop.time() > end or ears.payloads(online) != [b"1"])
        assert ears.payloads(online) == [b"1"]
        assert process.returncode is None
    finally:
        process.kill()
        await process.wait()


SMALL_HEAP = (
    "from dormouse import messages\n"
    "whole = messages.batch\n"
    "def batch(*given):\n"
    "    payload, last = whole(*given)\n"
    "    if payload and len(payload) > {}: raise MemoryError\n"
    "    return payload, last\n"
    "messages.batch = batch\nimport main"
)


async def test_what_the_heap_is_too_small_for_goes_out_in_smaller_pieces(make_board, admit, ears):
    board = await admit(make_board(switch=SWITCH, sensors=[{"driver": "battery"}], interval=1))
    board.world["wifi"]["up"] = False
    async with running(board):
        # Twenty readings of at least 6 bytes.
        await until(lambda: len(board.rtc) >= 20 * 6 + 60, within=60)
    board.world["wifi"]["up"] = True
    board.provision()
    process = await board.start(Cause.WATCHDOG, SMALL_HEAP.format(400))
    try:
        await until(lambda: len(set(ears.seqs(board))) >= 20, within=60)
        assert process.returncode is None, (board.folder / "console").read_text()
    finally:
        process.kill()
        await process.wait()
    assert {len(batch.entries) for batch in ears.batches(board)} <= set(range(7))
    seqs = sorted(set(ears.seqs(board)))
    assert seqs == list(range(1, seqs[-1] + 1))


async def test_a_heap_too_small_for_anything_is_made_whole_by_a_restart(make_board, admit):
    board = await admit(make_board(switch=SWITCH, sensors=[{"driver": "battery"}], interval=1))
    process = await board.start(Cause.POWER, SMALL_HEAP.format(20))
    assert await process.wait() == RESET
    assert "MemoryError" in (board.folder / "console").read_text()


async def test_a_hub_that_reads_rows_gets_them_and_a_whole_report_now_and_then(
    make_board, admit, ears
):
    board = await admit(make_board(switch=SWITCH, sensors=[{"driver": "battery"}], interval=1))
    plain = board.topic + "BatteryService/BatteryLevel"
    async with running(board):
        # Nobody said yet what is read here: the form that every hub reads, and plain values.
        await until(lambda: len(ears.payloads(plain)) >= 2)
        assert "readings" in json.loads(ears.payloads(board.topic + "$batch")[0])
        said = {"boot": ears.batches(board)[-1].boot, "seq": 1, "batch": FORM}
        await ears.say(board, "$ack", said)
        await until(lambda: "rows" in json.loads(ears.payloads(board.topic + "$batch")[-1]))
        before, whole = len(ears.payloads(plain)), len(ears.whole_reports(board))
        reports = len(ears.reports(board))
        await until(lambda: len(ears.reports(board)) >= reports + 3)
        assert len(ears.payloads(plain)) == before
        assert len(ears.whole_reports(board)) == whole
        last = ears.reports(board)[-1]
        assert (last.reset, last.next_wake_s) == ("power", None)
        assert ears.batches(board)[-1].states
        # Its switch says what it is on its own topic all the same, retained.
        state = board.topic + "Switch/On"
        await ears.source.publish(state + "/set", b"1")
        await until(lambda: ears.payloads(state)[-1:] == [b"1"])
        # Another hub takes over, which reads no rows: what it has not read comes again.
        await ears.say(board, "$ack", {"boot": "00000000", "seq": 1})
        await until(lambda: "readings" in json.loads(ears.payloads(board.topic + "$batch")[-1]))
        await until(lambda: len(ears.payloads(plain)) > before)
    seqs = sorted(set(ears.seqs(board)))
    assert seqs == list(range(1, seqs[-1] + 1))


async def test_its_address_is_left_to_lwip(board, ears):
    """A lease is prolonged by lwIP for as long as the chip runs, not by an address that stands."""
    board.world["wifi"]["lease_s"] = 120
    for _ in range(2):
        before = len(ears.reports(board))
        async with running(board):
            await until(lambda count=before: len(ears.reports(board)) > count)
    asked = (board.folder / "dhcp.log").read_text().split()[::2]
    assert asked == ["discover", "discover"]
