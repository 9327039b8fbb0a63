"""What a wake puts on the air: counted where the firmware writes to its socket."""

from __future__ import annotations

import hashlib
import json
import struct

import pytest

from contracts.batch import FORM
from host.twin.vm import ASLEEP, Cause
from tests.firmware.board import Board
from tests.firmware.conftest import Ears
from tests.support.ports import claimed_port

# lwIP's send buffer on this chip: TCP_SND_BUF of two segments, TCP_MSS 536.
SEND_BUFFER = 2 * 536

COUNTED = """
import socket
send = socket.socket.send
def counted(self, data):
    count = send(self, data)
    print("write", len(data), count)
    return count
socket.socket.send = counted
try:
    import main
except SystemExit:
    pass
"""

SOILS = [{"driver": "soil"}] * 3
BME280 = [{"driver": "bme280", "scl": 5, "sda": 4}]
PROBE_AND_BATTERY = [{"driver": "dht22", "pin": 14}, {"driver": "battery"}]
CLIMATE = [{"driver": "scd4x", "scl": 5, "sda": 4}]


async def counted(board: Board) -> list[int]:
    """The writes of a wake, each as many bytes as it was given; all of it fitted."""
    wake = await board.wake(typed=COUNTED)
    writes = [line.split()[1:] for line in wake.console.splitlines() if line.startswith("write")]
    assert all(given == taken for given, taken in writes), wake.console
    return [int(given) for given, _ in writes]


async def acknowledge(board: Board, ears: Ears) -> None:
    """As a hub of today does it: all that came is in the database."""
    await ears.mark()
    last = ears.batches(board)[-1]
    await ears.say(board, "$ack", {"boot": last.boot, "seq": last.last, "batch": FORM})


@pytest.mark.parametrize("sensors", [SOILS, BME280, PROBE_AND_BATTERY, CLIMATE])
async def test_a_wake_with_three_values_sends_400_bytes_at_most(make_board, admit, ears, sensors):
    board = await admit(make_board(sensors=sensors, name="Cellar"))
    board.world["i2c"] = {"0x62": "scd4x"}
    assert (await board.wake(Cause.POWER)).status == ASLEEP
    for _ in range(2):
        await acknowledge(board, ears)
        writes = await counted(board)
        assert len(writes) == 2, writes  # the other is DISCONNECT
        assert sum(writes) <= 400, writes
    await ears.mark()
    assert len(ears.batches(board)[-1].entries) == 3
    assert [report.reset for report in ears.reports(board)] == ["power", "deepsleep", "deepsleep"]
    assert len(ears.whole_reports(board)) == 1


@pytest.mark.parametrize("sensors", [SOILS, BME280])
async def test_a_backlog_of_24_readings_goes_in_one_write_that_fits(
    make_board, admit, ears, sensors
):
    board = await admit(make_board(sensors=sensors))
    await board.wake(Cause.POWER)
    await acknowledge(board, ears)
    await board.wake()
    await acknowledge(board, ears)
    port, board.settings["port"] = board.settings["port"], claimed_port()
    for _ in range(7):
        await board.wake()
    board.settings["port"] = port
    writes = await counted(board)
    await ears.mark()
    batch = ears.batches(board)[-1]
    assert [entry.seq for entry in batch.entries] == list(range(7, 31))
    assert (batch.after, batch.last) == (6, 30)
    assert len(writes) == 2
    assert writes[0] <= SEND_BUFFER


async def test_a_backlog_of_24_wakes_with_a_whole_report_fits_too(make_board, admit, ears):
    """An hour and more without a broker: the report is due, each reading has its row."""
    board = await admit(make_board(sensors=[{"driver": "ds18b20", "pin": 4}]))
    board.world["convert_ms"] = 0
    board.world["values"] = {"temperature": -10.0625}
    await board.wake(Cause.POWER)
    await acknowledge(board, ears)
    port, board.settings["port"] = board.settings["port"], claimed_port()
    for _ in range(23):
        await board.wake()
    board.settings["port"] = port
    writes = await counted(board)
    await ears.mark()
    assert len(ears.whole_reports(board)) == 2
    assert [entry.seq for entry in ears.batches(board)[-1].entries] == list(range(2, 26))
    assert len(writes) == 2
    assert writes[0] <= SEND_BUFFER


async def test_what_does_not_fit_beside_the_rest_follows_in_writes_that_do(make_board, admit, ears):
    board = await admit(make_board(sensors=[{"driver": "ds18b20", "pin": 4}], plain=True))
    board.world["convert_ms"] = 0
    await board.wake(Cause.POWER)
    await acknowledge(board, ears)
    port, board.settings["port"] = board.settings["port"], claimed_port()
    for _ in range(55):
        await board.wake()
    board.settings["port"] = port
    writes = await counted(board)
    await ears.mark()
    said = [entry.seq for batch in ears.batches(board)[1:] for entry in batch.entries]
    assert said == sorted(set(said))
    lost = ears.batches(board)[-1].lost
    assert len(said) + lost == 56
    assert max(writes) <= SEND_BUFFER


async def test_a_report_is_whole_when_something_changed_and_every_hour(make_board, admit, ears):
    board = await admit(make_board(sensors=SOILS))
    await board.wake(Cause.POWER)
    whole = [1]
    for life in range(1, 26):
        await acknowledge(board, ears)
        if life == 5:
            board.settings["model"] = "another"
        if life == 7:
            board.world["adc_counts"] = 2000  # beyond what the ADC has: a problem
        if life == 8:
            del board.world["adc_counts"]
        await board.wake()
        await ears.mark()
        whole.append(len(ears.whole_reports(board)))
    changes = [life for life in range(1, 26) if whole[life] > whole[life - 1]]
    # The hour from its last whole report on, at wakes 5 minutes apart.
    assert changes == [5, 7, 8, 20]
    reports = ears.reports(board)
    assert len(reports) == 26
    # Without a value in the 7th.
    seqs = [report.seq for report in reports]
    assert seqs == [3 * (life + 1) - (3 if life >= 7 else 0) for life in range(26)]
    ups = [report.up for report in reports]
    assert ups == pytest.approx([300 * life for life in range(26)], abs=3)
    assert all(report.heap_free and report.next_wake_s == 300 for report in reports)
    assert reports[9].model == "another"


async def test_a_whole_report_that_was_lost_is_said_again(make_board, admit, ears):
    """The broker took it, and its acknowledgement did not come."""
    board = await admit(make_board(sensors=SOILS, deadline_ms=700))
    await board.wake(Cause.POWER)
    await acknowledge(board, ears)
    board.settings["model"] = "another"
    board.world["net"] = {"blackhole": True}
    await board.wake()
    board.world["net"] = {}
    await board.wake()
    await ears.mark()
    assert [report.model for report in ears.reports(board)] == ["sensor", "another"]


# --- hubs of other versions -----------------------------------------------------------------------


async def test_a_hub_that_acknowledges_nothing_gets_the_form_that_every_hub_reads(
    make_board, admit, ears
):
    """One of a former version refuses what it does not know, and holds its acknowledgement back."""
    board = await admit(make_board())
    for _ in range(4):
        await board.wake()
        await ears.mark()
    forms = ["rows" in json.loads(one) for one in ears.payloads(board.topic + "$batch")]
    assert forms[0] is True
    assert forms[-1] is False
    listed = json.loads(ears.payloads(board.topic + "$batch")[-1])
    assert [reading[2] for reading in listed["readings"]] == ["BatteryService/BatteryLevel"]
    assert ears.payloads(board.topic + "BatteryService/StatusLowBattery")
    # It acknowledges that, and says nothing of rows: nothing but what it reads from now on.
    await ears.acknowledge(board, 4)
    before = len(ears.got)
    for _ in range(3):
        await board.wake()
        await ears.mark()
        await ears.acknowledge(board, max(ears.seqs(board)))
    later = [one for one in ears.got[before:] if one.topic == board.topic + "$batch"]
    assert later
    assert not any("rows" in json.loads(one.payload) for one in later)
    assert len(ears.whole_reports(board)) >= 5
    assert set(ears.seqs(board)) == set(range(1, 8))


async def test_an_old_hub_is_known_by_what_it_left_at_the_broker(make_board, admit, ears):
    board = await admit(make_board())
    await ears.acknowledge(board, 7, boot="00000000")
    await board.wake(Cause.POWER)
    await board.wake()
    await ears.mark()
    said = [json.loads(one) for one in ears.payloads(board.topic + "$batch")]
    forms = [{"rows", "readings"} & set(one) for one in said]
    assert forms == [{"rows"}, {"readings"}, {"readings"}]
    assert ears.payloads(board.topic + "BatteryService/BatteryLevel")


async def test_a_hub_that_was_updated_gets_rows_again(make_board, admit, ears):
    board = await admit(make_board())
    await ears.acknowledge(board, 7, boot="00000000")
    await board.wake(Cause.POWER)
    await ears.say(board, "$ack", {"boot": "00000000", "seq": 7, "batch": FORM})
    await board.wake()
    await acknowledge(board, ears)
    await board.wake()
    await ears.mark()
    assert "rows" in json.loads(ears.payloads(board.topic + "$batch")[-1])


async def test_what_a_former_firmware_remembers_outlives_the_update(make_board, admit, ears):
    """Its record: version 1, without what came since. The hub beside it may be as old."""
    board = await admit(make_board())
    await board.wake(Cause.POWER)
    await ears.mark()
    boot = ears.batches(board)[0].boot
    board.rtc = former(board.rtc)
    await board.wake()
    await ears.mark()
    first, *others = ears.batches(board)
    assert {batch.boot for batch in others} == {boot}
    assert set(ears.seqs(board)) == {1, 2}
    assert "readings" in json.loads(ears.payloads(board.topic + "$batch")[-1])
    assert first.last == 1


def former(memory: bytes) -> bytes:
    """RTC memory as version 1 had it: 75 bytes of fields, then the readings that wait."""
    fields, added = 75, struct.calcsize("<BBHIHI")
    body = b"\x01" + memory[13 : 12 + fields] + memory[12 + fields + added :]
    return memory[:8] + hashlib.sha256(body).digest()[:4] + body
