"""WiFi credentials that come by `$config`: tried, kept or dropped, the old ones never lost."""

from __future__ import annotations

import json

import pytest

from host.twin.vm import ASLEEP, Cause
from tests.firmware.board import Board
from tests.firmware.test_mains import SWITCH, running
from tests.support.broker import until

KEY = "another key"
NEW = {"version": 4, "interval": 60, "wifi": {"ssid": "upstairs", "key": KEY}}


@pytest.fixture
async def board(make_board, admit, ears):
    board = await admit(make_board(deadline_ms=1500))
    await wake(board, Cause.POWER)
    return board


async def wake(board: Board, cause: Cause = Cause.DEEPSLEEP) -> None:
    """One wake that ends in sleep; settings that the device has changed stay changed."""
    ended = await board.wake(cause)
    assert ended.status == ASLEEP, ended.console
    assert "Traceback" not in ended.console
    assert KEY not in ended.console
    board.settings = json.loads((board.folder / "flash/settings.json").read_text())


async def power_cut(board: Board) -> None:
    """A wake after a power cut."""
    (board.folder / "rtc.bin").unlink()
    await wake(board, Cause.POWER)


def move(board: Board) -> None:
    """Let the new network be the one that is there."""
    board.world["wifi"] |= {"ssid": "upstairs", "key": KEY, "bssid": "020000000002"}


def move_back(board: Board) -> None:
    board.world["wifi"] |= {"ssid": "dormouse", "key": "key", "bssid": "020000000001"}


def on_trial(board: Board) -> bool:
    return (board.folder / "flash/wifi.json").exists()


def problems(report) -> list[str]:
    return report.raw.get("problems", [])


async def test_a_network_that_works_is_kept(board, ears):
    await ears.say(board, "$config", NEW)
    await wake(board)
    assert board.settings["ssid"] == "dormouse"
    assert on_trial(board)
    written = board.flash_writes
    move(board)
    await wake(board)
    assert (board.settings["ssid"], board.settings["key"]) == ("upstairs", KEY)
    assert (board.settings["config"], board.settings["interval"]) == (4, 60)
    assert not on_trial(board)
    # The try is counted, the SDK told, the settings kept.
    assert board.flash_writes == written + 3
    await wake(board)
    assert board.flash_writes == written + 3
    await ears.mark()
    reports = ears.reports(board)
    assert [one.config for one in reports] == [0, 0, 0, 4, 4]
    assert not any(problems(one) for one in reports)
    assert set(ears.seqs(board)) == {1, 2, 3, 4}
    assert not any(KEY.encode() in one.payload for one in ears.got if "$config" not in one.topic)


async def test_one_that_does_not_is_left_after_two_wakes(board, ears):
    await ears.say(board, "$config", NEW)
    for _ in range(3):
        await wake(board)
        assert board.settings["ssid"] == "dormouse"
    await ears.mark()
    assert ears.reports(board)[-1].config == 0
    await wake(board)
    await ears.mark()
    report = ears.reports(board)[-1]
    assert report.config == 4
    assert problems(report) == ["wifi upstairs: the hub was not reached over it"]
    assert (board.settings["ssid"], board.settings["interval"]) == ("dormouse", 60)
    assert not on_trial(board)
    written = board.flash_writes
    await wake(board)
    await ears.mark()
    assert not problems(ears.reports(board)[-1])
    assert board.flash_writes == written
    assert set(ears.seqs(board)) == {1, 2, 3, 4, 5, 6}


async def test_only_another_key_of_the_same_network(board, ears):
    wanted = {"version": 4, "wifi": {"ssid": "dormouse", "key": KEY}}
    await ears.say(board, "$config", wanted)
    for _ in range(3):
        await wake(board)
    await power_cut(board)
    await ears.mark()
    report = ears.reports(board)[-1]
    assert report.config == 4
    assert problems(report) == ["wifi dormouse: the hub was not reached over it"]
    assert board.settings["key"] == "key"
    await ears.say(board, "$config", wanted | {"version": 5})
    await wake(board)
    board.world["wifi"]["key"] = KEY
    await wake(board)
    assert (board.settings["key"], board.settings["config"]) == (KEY, 5)


async def test_power_cuts_make_no_more_tries(board, ears):
    await ears.say(board, "$config", NEW)
    await wake(board)
    for _ in range(2):
        await power_cut(board)
        assert json.loads((board.folder / "sdk.json").read_text())["ssid"] == "upstairs"
    await power_cut(board)
    await ears.mark()
    assert ears.reports(board)[-1].config == 4
    assert json.loads((board.folder / "sdk.json").read_text())["ssid"] == "dormouse"


async def test_power_cut_between_keeping_and_forgetting(board, ears):
    """Kept in the settings, the trial's file still there."""
    await ears.say(board, "$config", NEW)
    await wake(board)
    trial = (board.folder / "flash/wifi.json").read_bytes()
    move(board)
    await wake(board)
    (board.folder / "flash/wifi.json").write_bytes(trial)
    await power_cut(board)
    assert not on_trial(board)
    await ears.mark()
    assert not problems(ears.reports(board)[-1])
    assert board.settings["ssid"] == "upstairs"


async def test_power_cut_between_failing_and_forgetting(board, ears):
    """The outcome may not have been told: it is told again, once."""
    await ears.say(board, "$config", NEW)
    for _ in range(3):
        await wake(board)
    trial = (board.folder / "flash/wifi.json").read_bytes()
    await wake(board)
    (board.folder / "flash/wifi.json").write_bytes(trial)
    await power_cut(board)
    await ears.mark()
    assert problems(ears.reports(board)[-1])
    assert not on_trial(board)
    await wake(board)
    await ears.mark()
    assert not problems(ears.reports(board)[-1])


async def test_another_wish_while_one_is_tried(board, ears):
    await ears.say(board, "$config", NEW)
    await wake(board)
    await ears.say(board, "$config", {"version": 5, "interval": 70})
    await wake(board)  # the tries that are left
    await wake(board)
    await wake(board)
    assert (board.settings["ssid"], board.settings["interval"]) == ("dormouse", 70)
    assert not on_trial(board)
    await ears.say(board, "$config", NEW | {"version": 6})
    await wake(board)
    move(board)
    third = {"version": 7, "wifi": {"ssid": "attic", "key": ""}}
    await ears.say(board, "$config", third)
    await wake(board)  # upstairs works, and there it is told of the attic
    assert board.settings["ssid"] == "upstairs"
    assert on_trial(board)
    board.world["wifi"] |= {"ssid": "attic", "key": ""}
    await wake(board)
    assert (board.settings["ssid"], board.settings["config"]) == ("attic", 7)


@pytest.mark.parametrize(
    "wifi", [None, "upstairs", {}, {"ssid": ""}, {"ssid": 5}, {"ssid": "x" * 33},
             {"ssid": "upstairs", "key": 7}, {"ssid": "upstairs", "key": "k" * 65}]
)  # fmt: skip
async def test_nonsense_is_told_and_not_tried(board, ears, wifi):
    await ears.say(board, "$config", {"version": 4, "interval": 60, "wifi": wifi})
    await wake(board)
    await ears.mark()
    report = ears.reports(board)[-1]
    assert report.config == 4
    assert problems(report) == ["setting wifi"]
    assert not on_trial(board)
    assert board.settings["interval"] == 60


async def test_a_damaged_trial_is_none(board, ears):
    for content in ("", "{", "[]", '{"ssid": "upstairs"}', '{"ssid": 7, "tries": 0}'):
        (board.folder / "flash/wifi.json").write_text(content)
        await power_cut(board)
        assert not on_trial(board)
    await ears.mark()
    assert len(ears.reports(board)) == 6


@pytest.mark.parametrize("works", [True, False])
async def test_a_device_that_stays_awake_moves_at_once_or_comes_back(
    make_board, admit, ears, works
):
    board = await admit(make_board(switch=SWITCH, sensors=[], interval=3600))
    async with running(board):
        await until(lambda: bool(ears.reports(board)))
        await ears.say(board, "$config", NEW)
        if works:
            await until(lambda: on_trial(board))
            move(board)
            board.provision()
        await until(lambda: ears.reports(board)[-1].config == 4, within=60)
        await until(lambda: not on_trial(board))
        done = next(report for report in ears.reports(board) if report.config == 4)
        told = problems(done)
    settings = json.loads((board.folder / "flash/settings.json").read_text())
    if works:
        assert (settings["ssid"], settings["key"]) == ("upstairs", KEY)
        assert not told
    else:
        assert settings["ssid"] == "dormouse"
        assert told == ["wifi upstairs: the hub was not reached over it"]
    assert settings["interval"] == 60
