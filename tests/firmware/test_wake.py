"""One wake of the real firmware against a real broker."""

from __future__ import annotations

import json

import pytest

from contracts import topics
from contracts.messages import StateValue, parse
from contracts.reading import SeriesKey
from host.twin.vm import ASLEEP, Cause
from tests.support.ports import claimed_port


async def test_a_wake_says_everything_and_sleeps(make_board, admit, ears):
    board = await admit(
        make_board(sensors=[{"driver": "ds18b20", "pin": 4}, {"driver": "battery"}])
    )
    board.world["values"] = {"temperature": -3.4375}
    board.world["adc_mv"] = 900
    wake = await board.wake(Cause.POWER)
    assert wake.status == ASLEEP, wake.console
    assert 290e6 < wake.sleep_us <= 300e6
    await ears.mark()
    batch = ears.batches(board)[-1]
    assert batch.lost == 0
    assert not batch.problems
    assert [(one.seq, topics.state(one.series), one.raw) for one in batch.entries] == [
        (1, board.topic + "TemperatureSensor/CurrentTemperature", -3.4375),
        (2, board.topic + "BatteryService/BatteryLevel", 59),
    ]
    report = ears.reports(board)[-1]
    assert (report.firmware, report.board, report.reset) == ("0.1.0", "twin", "power")
    assert (report.boot, report.seq, report.next_wake_s) == (batch.boot, 2, 300)
    assert report.battery_mv == 2878
    assert batch.states == ((SeriesKey(board.id, "BatteryService", 0, "StatusLowBattery"), 0),)
    assert [one.topic.removeprefix(board.topic) for one in ears.got if board.id in one.topic] == [
        "$batch",
        "$report",
    ]
    assert not any(one.retained for one in ears.got)


async def test_plain_values_go_to_topics_of_their_own_where_they_are_asked_for(
    make_board, admit, ears
):
    sensors = [{"driver": "ds18b20", "pin": 4}, {"driver": "battery"}]
    board = await admit(make_board(plain=True, sensors=sensors))
    board.world["values"] = {"temperature": -3.4375}
    await board.wake(Cause.POWER)
    await ears.mark()
    states = [parse(one.topic, one.payload) for one in ears.got if "$" not in one.topic]
    values = {topics.state(one.series): one.raw for one in states if isinstance(one, StateValue)}
    assert values == {
        board.topic + "TemperatureSensor/CurrentTemperature": "-3.4375",
        board.topic + "BatteryService/BatteryLevel": "59",
        board.topic + "BatteryService/StatusLowBattery": "0",
    }
    order = [one.topic.removeprefix(board.topic) for one in ears.got if board.id in one.topic]
    assert order[0] == "$batch"
    assert not any(one.retained for one in ears.got)


async def test_a_normal_wake_writes_no_flash_and_numbers_go_on(make_board, admit, ears):
    board = await admit(make_board())
    await board.wake(Cause.POWER)
    written = board.flash_writes
    assert written == 3  # the SDK's: station on, access point off, credentials
    for _ in range(3):
        wake = await board.wake()
        assert wake.status == ASLEEP, wake.console
    assert board.flash_writes == written
    await ears.mark()
    batches = ears.batches(board)
    assert len({batch.boot for batch in batches}) == 1
    assert sorted(set(ears.seqs(board))) == [1, 2, 3, 4]
    assert [report.reset for report in ears.reports(board)] == ["power"] + 3 * ["deepsleep"]
    ups = [report_up.up for report_up in batches]
    assert ups == sorted(ups)
    assert ups[-1] == pytest.approx(900, abs=2)


async def test_a_sleep_that_a_reset_cut_short_counts_whole(make_board, admit, ears):
    """Else the hub would take what the device says next for a message that waited."""
    board = await admit(make_board())
    await board.wake(Cause.POWER)
    await board.wake(Cause.HARD)
    await ears.mark()
    before, after = ears.reports(board)
    assert after.boot == before.boot
    assert after.up - before.up >= 299


async def test_what_the_database_holds_is_forgotten_and_the_rest_sent_again(
    make_board, admit, ears
):
    board = await admit(make_board())
    await board.wake(Cause.POWER)
    await ears.mark()
    await ears.acknowledge(board, 1)
    await board.wake()
    await ears.mark()
    # Acknowledged in the same round trip: nothing was sent twice.
    assert ears.seqs(board) == [1, 2]
    # Now the hub holds on to 1 while 2 and 3 were taken by the broker: 2 is sent again.
    await board.wake()
    await ears.mark()
    assert ears.seqs(board) == [1, 2, 3, 2]
    await ears.acknowledge(board, 3)
    await board.wake()
    await ears.mark()
    assert ears.seqs(board) == [1, 2, 3, 2, 4]


async def test_an_acknowledgement_of_another_boot_identity_means_nothing(make_board, admit, ears):
    board = await admit(make_board())
    await ears.acknowledge(board, 100, boot="00000000")
    await board.wake(Cause.POWER)
    await board.wake()
    await ears.mark()
    assert ears.seqs(board) == [1, 2, 1]


async def test_without_acknowledgements_it_asks_less_and_less_often(make_board, admit, ears):
    board = await admit(make_board())
    for _ in range(9):
        await board.wake()
    await ears.mark()
    repeats = [batch.last for batch in ears.batches(board) if batch.entries[0].seq == 1]
    # The first, then with what the wakes 2, 3, 5 and 9 found unacknowledged.
    assert repeats == [1, 1, 2, 4, 8]


async def test_readings_taken_while_the_broker_was_away_come_late_with_honest_times(
    make_board, admit, ears
):
    board = await admit(make_board())
    port = board.settings["port"]
    board.settings["port"] = claimed_port()
    for _ in range(3):
        wake = await board.wake()
        assert wake.status == ASLEEP
    board.settings["port"] = port
    await board.wake()
    await ears.mark()
    (batch,) = ears.batches(board)
    assert [entry.seq for entry in batch.entries] == [1, 2, 3, 4]
    assert [entry.age for entry in batch.entries] == pytest.approx([900, 600, 300, 0], abs=2)


async def test_settings_of_the_hub_are_applied_reported_and_kept(make_board, admit, ears):
    board = await admit(make_board(name="Cellar"))
    # As a file had it that somebody wrote by hand.
    board.settings["model"] = 5
    wanted = {"version": 7, "interval": 60, "name": "Attic", "model": "probe"}
    # Out of range, and of a newer hub.
    wanted |= {"deadline_ms": "soon", "brightness": 3}
    await ears.say(board, "$config", wanted)
    await board.wake(Cause.POWER)
    await ears.mark()
    first, second = ears.reports(board)
    assert (first.config, second.config, second.next_wake_s) == (0, 7, 60)
    assert first.raw["problems"] == ["setting model"]
    assert sorted(second.raw["problems"]) == ["setting brightness", "setting deadline_ms"]
    assert second.model == "probe"
    names = ears.payloads(board.topic + "AccessoryInformation/Name")
    assert names == [b"Cellar", b"Attic"]
    board.settings = json.loads((board.folder / "flash/settings.json").read_text())
    assert board.settings["interval"] == 60
    written = board.flash_writes
    wake = await board.wake()
    assert wake.sleep_us <= 60e6
    assert board.flash_writes == written


async def test_an_update_asked_for_by_hand_leaves_nothing_behind(make_board, admit, ears):
    """At the prompt or by a button: no command, no `ota.json`, so nothing is published."""
    board = await admit(make_board())
    board.rtc = b"zaotaota"
    await board.wake(Cause.SOFT)
    assert board.rtc.startswith(bytes(8))
    await ears.mark()
    boot = ears.batches(board)[0].boot
    board.rtc = b"zaotaota" + board.rtc[8:]
    await board.wake(Cause.SOFT)
    await ears.mark()
    assert board.rtc.startswith(bytes(8))
    assert {batch.boot for batch in ears.batches(board)} == {boot}
    assert not ears.payloads(board.topic + "$ota/state")


async def test_every_sensor_says_what_it_measures(make_board, admit, ears):
    board = await admit(
        make_board(
            sensors=[
                {"driver": "bme280", "scl": 5, "sda": 4},
                {"driver": "dht22", "pin": 14},
                {"driver": "ds18b20", "pin": 2, "rom": "28ff641e8d3c0cda"},
            ]
        )
    )
    board.world["values"] = {"temperature": 21.37, "humidity": 48.2, "pressure": 987.65}
    board.world["parts"] = {"dht22": {"temperature": 19.96}, "ds18b20": {"temperature": 4.03}}
    await board.wake(Cause.POWER)
    await ears.mark()
    batch = ears.batches(board)[-1]
    got = {topics.state(one.series).removeprefix(board.topic): one.raw for one in batch.entries}
    assert got == {
        "TemperatureSensor/CurrentTemperature": pytest.approx(21.37, abs=0.011),
        "HumiditySensor/CurrentRelativeHumidity": pytest.approx(48.2, abs=0.02),
        "AirPressureSensor/AirPressure": pytest.approx(987.65, abs=0.05),
        "TemperatureSensor/1/CurrentTemperature": 20,
        "HumiditySensor/1/CurrentRelativeHumidity": 48.2,
        "TemperatureSensor/2/CurrentTemperature": 4,
    }


async def test_a_sensor_that_fails_leaves_the_others_be(make_board, admit, ears):
    board = await admit(
        make_board(
            sensors=[
                {"driver": "bme280", "scl": 5, "sda": 4},
                {"driver": "nonsense"},
                {"driver": "dht22", "pin": 14},
                {"driver": "ds18b20"},
            ]
        )
    )
    board.world["missing"] = ["bme280"]
    board.world["parts"] = {"dht22": {"humidity": 130}}
    wake = await board.wake(Cause.POWER)
    assert wake.status == ASLEEP
    await ears.mark()
    batch = ears.batches(board)[-1]
    assert [(one.series.characteristic, one.raw) for one in batch.entries] == [
        ("CurrentTemperature", 20.5)
    ]
    problems = ears.reports(board)[-1].raw["problems"]
    assert [problem.split(":")[0] for problem in problems] == [
        "nonsense",
        "ds18b20",
        "bme280",
        "dht22",
    ]


async def test_a_long_sleep_is_chained_over_the_timers_limit(make_board, admit, ears):
    board = await admit(make_board(interval=3 * 3600))
    slept = []
    wake = await board.wake(Cause.POWER)
    await ears.mark()
    for _ in range(9):
        slept.append(wake.sleep_us)
        wake = await board.wake()
        await ears.mark()
        if len(ears.reports(board)) == 2:
            break
    assert len(slept) == 5
    assert max(slept) <= 4_200_000_000
    assert sum(slept) == pytest.approx(3 * 3600e6, rel=1e-3)
    assert ears.batches(board)[-1].up == pytest.approx(3 * 3600, abs=2)
    assert ears.reports(board)[-1].reset == "deepsleep"
