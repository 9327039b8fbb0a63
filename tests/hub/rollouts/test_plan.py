"""The plan by example: every way a device can fail, and what people and time do to it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.rollouts.model import DeviceBaseline, DeviceState, RolloutPhase, SettingsTarget
from hub.rollouts.plan import begin, unfit
from hub.rollouts.work import Answered, AnswerLater, PublishCommand, Reported, StreamEnded
from tests.hub.rollouts.fleet import NEW, NOW, OLD, SETTINGS, World, quick, sample


@pytest.mark.parametrize(
    ("manner", "state", "reason"),
    [
        ("dead", "failed", "no answer within 75 s"),
        ("liar", "failed", "says it was updated, but reports 1.0.0"),
        ("back", "failed", "came back from its OTA server with the version it had (3 attempts)"),
        ("flat", "skipped", "refused: its battery is too low"),
        ("deaf", "failed", "woke 5 times and did not answer the command (3 attempts)"),
        ("nonsense", "failed", "says it was updated, but reports \\x00?"),
        ("good", "updated", ""),
    ],
)
def test_every_device_ends_in_a_state_with_its_reason(manner, state, reason):
    world = World(quick(canary=0, wave="100%"), names=("a",), manners={"a": manner})
    world.run(resume=False)
    assert world.states()["a"] == state
    if manner == "dead":
        # It accepted, was never met, and was not heard again.
        assert world.reason("a").startswith("was not heard since")
        assert any(t.reason == reason for t in world.history)
    else:
        assert world.reason("a") == reason


def test_one_that_accepts_and_never_appears_is_tried_so_often_and_no_more():
    world = World(quick(canary=0), names=("a",))
    for _ in range(3):
        world.wake("a")
        world.end_stream("a", whole=False)
        world.give_up_server("a")
        world.pass_time(100)
    assert world.states()["a"] == "failed"
    assert world.reason("a") == "no answer within 75 s (3 attempts)"
    assert len(set(world.commands["a"])) == 3
    assert world.rollout.phase is RolloutPhase.DONE


def test_one_lost_half_way_is_streamed_to_again_without_a_command():
    world = World(quick(canary=0), names=("a",))
    world.wake("a")
    world.end_stream("a", whole=False, lost=True)
    assert world.states()["a"] == "pending"
    world.pass_time(11)
    assert world.states()["a"] == "updating"
    assert world.retained == {}
    world.end_stream("a")
    world.wake("a")
    assert world.states()["a"] == "updated"
    assert len(world.commands["a"]) == 1


def test_aborting_says_that_a_device_is_left_without_an_application():
    world = World(quick(canary=0), names=("a",))
    world.wake("a")
    world.end_stream("a", whole=False, lost=True)
    world.ask("abort")
    assert world.states()["a"] == "failed"
    assert "dormouse ota 192.0.2.7 IMAGE" in world.reason("a")


def test_back_off_grows():
    world = World(quick(canary=0, backoff_s=100, attempts=4), names=("a",))
    pauses = []
    for _ in range(3):
        world.wake("a")
        world.end_stream("a", whole=False)
        pauses.append(world.devices["a"].not_before - world.now)
        world.give_up_server("a")
        world.pass_time(500)
    assert [pause.total_seconds() for pause in pauses] == [100, 200, 400]


def test_silence_after_a_whole_image_is_final():
    world = World(quick(canary=0), names=("a",))
    world.wake("a")
    world.end_stream("a")
    world.pass_time(400)
    assert world.reason("a") == "was sent the image and was not heard since"
    assert world.states()["a"] == "failed"


def test_one_that_says_it_was_updated_and_never_reports():
    world = World(quick(canary=0), names=("a",))
    world.wake("a")
    command = world.streams["a"]
    world.end_stream("a")
    world.step(Answered("a", command, "updated", world.now, "", NEW))
    world.pass_time(400)
    assert world.reason("a") == "says it was updated, but does not report"


def test_the_old_version_reported_before_the_devices_own_word():
    """In one wake they come in any order: the word says why."""
    world = World(quick(canary=0, attempts=1), names=("a",))
    world.wake("a")
    command = world.streams["a"]
    world.end_stream("a")
    world.step(Reported("a", sample(world.now, seq=99)))
    assert world.states()["a"] == "verifying"
    world.step(Answered("a", command, "failed", world.now, "broken", OLD))
    assert world.reason("a") == "the device says: broken"


def test_the_old_version_and_no_word():
    world = World(quick(canary=0, attempts=1), names=("a",))
    world.wake("a")
    world.end_stream("a")
    world.step(Reported("a", sample(world.now, seq=99)))
    world.pass_time(11)
    assert (world.states()["a"], world.reason("a")) == ("failed", "came back with 1.0.0")


def test_an_old_report_delivered_again_says_nothing():
    world = World(quick(canary=0), names=("a",))
    world.wake("a")
    world.end_stream("a")
    old = world.devices["a"].before[-1]
    world.step(Reported("a", old, redelivered=True))
    world.pass_time(11)
    assert world.states()["a"] == "verifying"


def test_the_target_reported_though_nothing_was_sent():
    world = World(quick(canary=0), names=("a",))
    world.step(Reported("a", sample(world.now, firmware=NEW)))
    assert world.states()["a"] == "skipped"
    assert "though nothing was sent to it" in world.reason("a")
    assert world.retained == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"firmware": NEW}, "runs 2.0.0 already"),
        ({"board": "esp01"}, "is a 'esp01', the image is for 'nodemcu'"),
        ({"battery_mv": 2500}, "its battery is at 2500 mV, 2700 mV are asked for"),
        ({}, None),
        ({"battery_mv": None, "board": None}, None),
    ],
)
def test_devices_that_need_not_be_tried(change, reason):
    world = World(quick(battery_mv=2700))
    assert unfit(world.rollout, sample(**change)) == reason
    devices, history = begin(
        world.rollout, {"x": DeviceBaseline(sample(**change)), "y": DeviceBaseline(sample())}, NOW
    )
    assert devices["x"].state == (DeviceState.SKIPPED if reason else DeviceState.PENDING)
    assert devices["y"].wave == (0 if reason else 1)
    assert [t.reason for t in history if t.device == "x"] == [reason or ""]


@pytest.mark.parametrize(
    ("said", "state", "text"),
    [
        ("running", "skipped", "says it runs 1.0.0 already"),
        ("board", "skipped", "refused: the image is for another board"),
        ("key", "failed", "refused: the image is signed with a key it does not know"),
        ("downgrade", "failed", "refused: 2.0.0 is older than what it runs"),
        ("size", "failed", "refused: the image does not fit"),
        (
            "counter",
            "failed",
            (
                "refused: the security counter of 2.0.0 is below one that it has confirmed; "
                "sign the image anew with a higher one"
            ),
        ),
        ("full moon\n", "failed", "refused: full moon\\n"),
        ("", "failed", "refused: nothing"),
    ],
)
def test_refusals(said, state, text):
    world = World(quick(canary=0), names=("a",))
    world.step(Answered("a", world.retained["a"], "refused", world.now, said, OLD))
    assert (world.states()["a"], world.reason("a")) == (state, text)
    assert world.retained == {}


def test_a_command_that_could_not_be_read_is_refused_without_its_number():
    world = World(quick(canary=0), names=("a",))
    world.step(Answered("a", 0, "refused", world.now, "malformed", OLD))
    assert world.states()["a"] == "failed"


def test_a_refusal_as_old_is_tried_again_with_a_higher_number():
    world = World(quick(canary=0), names=("a",))
    first = world.retained["a"]
    world.step(Answered("a", first, "refused", world.now, "old", OLD))
    world.pass_time(11)
    assert world.retained["a"] > first


@pytest.mark.parametrize(
    "last", [1, 2**31, NOW.timestamp() + 5, 3_900_000_000, 2**32 - 2, 2**32 - 1]
)
def test_the_next_number_comes_after_whatever_the_device_has_seen(last):
    """A hub from an older backup, a jump, the end of the numbers: RFC 1982 with 32 bits."""
    last = int(last)
    world = World(quick(canary=0), names=("a",))
    world.step(Answered("a", world.retained["a"], "refused", world.now, "old", OLD, last=last))
    world.pass_time(11)
    number = world.retained["a"]
    assert 0 < number < 2**32
    assert 0 < (number - last) % 2**32 < 2**31
    world.step(Answered("a", number, "accepted", world.now, "", OLD, "192.0.2.1"))
    assert world.states()["a"] == "updating"


def test_two_commands_within_a_second_have_two_numbers():
    world = World(quick(canary=0, backoff_s=0), names=("a",))
    world.wake("a")
    world.end_stream("a", whole=False)
    assert world.states()["a"] == "commanded"
    assert world.commands["a"] == [world.retained["a"] - 1, world.retained["a"]]


def test_answers_to_other_commands_change_nothing_but_the_broker():
    world = World(quick(canary=0), names=("a",))
    known = world.retained["a"]
    for state in ("accepted", "updating", "updated", "failed", "refused"):
        outcome = world.step(Answered("a", known - 5, state, world.now, "", NEW, "192.0.2.9"))
        assert world.states()["a"] == "commanded"
        assert outcome.actions[-1] == PublishCommand("a", known)
        assert isinstance(outcome.actions[0], AnswerLater) == (state == "accepted")


def test_no_more_streams_than_set_and_the_rest_is_told_later():
    world = World(quick(canary=0, wave="100%", streams=2), limit=5)
    for name in world.names:
        world.wake(name)
    assert sorted(world.streams) == ["a", "b"]
    assert world.states() == {"a": "updating", "b": "updating", "c": "accepted", "d": "accepted"}
    assert isinstance(world.told["c"][-1], AnswerLater)
    world.end_stream("a")
    world.wake("c")
    assert world.states()["c"] == "updating"


def test_a_word_that_would_come_too_late_is_not_given():
    """The database was away: the device sleeps again by now."""
    world = World(quick(canary=0), names=("a",))
    asked = world.now
    world.pass_time(3)
    world.step(Answered("a", world.retained["a"], "accepted", asked, "", OLD, "192.0.2.7"))
    assert world.states()["a"] == "accepted"
    assert world.streams == {}
    assert "a" in world.retained


def test_pause_takes_back_and_finishes_who_is_in_the_middle():
    world = World(quick(canary=0, wave="100%"))
    world.wake("a")
    world.ask("pause")
    assert world.states() == {"a": "updating", "b": "pending", "c": "pending", "d": "pending"}
    assert world.retained == {}
    world.end_stream("a")
    world.wake("a")
    assert world.states()["a"] == "updated"
    world.pass_time(7200)
    assert world.retained == {}
    world.ask("resume")
    assert set(world.retained) == {"b", "c", "d"}
    world.run(resume=False)
    assert set(world.states().values()) == {"updated"}


def test_abort_skips_who_has_not_taken_it_and_finishes_the_rest():
    world = World(quick(canary=0, wave="2"))
    world.wake("a")
    world.ask("abort")
    assert world.states() == {"a": "updating", "b": "skipped", "c": "skipped", "d": "skipped"}
    assert world.rollout.phase is RolloutPhase.ABORTING
    assert world.reason("b") == "the rollout was aborted before it took the command"
    assert world.reason("c") == "the rollout was aborted"
    world.end_stream("a", whole=False)
    assert world.rollout.phase is RolloutPhase.ABORTED
    assert world.states()["a"] == "failed", "no second attempt after an abort"


def test_one_that_went_by_itself_when_its_command_was_taken_back_is_met():
    world = World(quick(canary=0), names=("a", "b"))
    command = world.retained["a"]
    world.ask("pause")
    world.fleet["a"].server = True
    world.step(Answered("a", command, "updating", world.now, "", OLD, "192.0.2.7"))
    assert world.states()["a"] == "updating"
    world.end_stream("a")
    world.wake("a")
    assert world.states()["a"] == "updated"


def test_a_go_that_was_never_heard_is_repeated():
    world = World(quick(canary=0), names=("a",))
    world.crash_next = True
    command = world.retained["a"]
    world.step(Answered("a", command, "accepted", world.now, "", OLD, "192.0.2.7"))
    assert world.states()["a"] == "updating"
    assert "a" in world.retained, "the hub died before it said go"
    assert "a" in world.streams
    world.wake("a")
    assert world.fleet["a"].server
    world.end_stream("a")
    world.wake("a")
    assert world.states()["a"] == "updated"


def test_commands_are_out_within_the_window_only():
    options = quick(canary=0, wave="100%", windows=("13:00-13:10",), patience_s=3600)
    world = World(options, names=("a", "b"))
    assert world.retained == {}
    assert world.wake_at == NOW + timedelta(hours=1)
    world.pass_time(3600)
    assert set(world.retained) == {"a", "b"}
    world.wake("a")
    world.pass_time(600)
    assert world.states() == {"a": "updating", "b": "pending"}
    assert world.reason("b") == "the window closed"
    assert world.retained == {}


def test_a_stream_that_never_ends_is_given_up():
    world = World(quick(canary=0, attempts=1), names=("a",))
    world.wake("a")
    world.pass_time(1801)
    assert world.reason("a") == "the stream did not come to an end"
    world.step(StreamEnded("a", world.devices["a"].command))
    assert world.states()["a"] == "failed"


def test_settings_are_done_when_the_report_names_their_version():
    world = World(quick(canary=1, wave="100%", reports=1), target=SETTINGS)
    assert world.wanted == {"a": 1}
    world.wake("a")  # reads them
    world.wake("a")  # reports them
    assert world.states()["a"] == "updated"
    world.run(resume=False)
    assert set(world.states().values()) == {"updated"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"interval": 60}, "setting interval"),
        ({"wifi": {"ssid": "upstairs"}}, "setting wifi"),
        ({"wifi": {"ssid": "upstairs"}}, "wifi upstairs: the hub was not reached over it"),
        ({"name": "x", "sensors": []}, "sensors: no DS18B20 on D2"),
        ({"plain": True}, "setting plain"),
    ],
)
def test_settings_that_a_canary_refuses_or_falls_back_from_halt_the_rollout(changes, problem):
    world = World(
        quick(canary=1, wave="100%", reports=1, halt_at="1"), target=SettingsTarget(changes=changes)
    )
    # What is said of sensors comes before it.
    sensors = tuple(f"bme280: no pressure: {n:05x}" for n in range(30))
    world.fleet["a"].problems = (*sensors, problem)
    world.wake("a")
    world.wake("a")
    assert world.states() == {"a": "failed", "b": "pending", "c": "pending", "d": "pending"}
    assert world.reason("a") == f"the device says: {problem}"
    assert world.rollout.phase == "halted"


@pytest.mark.parametrize(
    "problem", ["setting interval2", "wifi: lost", "bme280: not found at 0x76"]
)
def test_other_problems_say_nothing_of_the_settings_that_are_wanted(problem):
    world = World(quick(canary=1, wave="100%", reports=1), target=SETTINGS)
    world.fleet["a"].problems = (problem,)
    world.wake("a")
    world.wake("a")
    assert world.states()["a"] == "updated"


def test_settings_of_an_aborted_rollout_are_wanted_as_before():
    world = World(quick(canary=0, wave="100%"), target=SETTINGS, names=("a", "b"))
    world.wake("a")
    world.wake("a")
    world.ask("abort")
    assert world.states() == {"a": "updated", "b": "skipped"}
    assert world.wanted == {"a": 1, "b": 2}


def test_nonsense_afterwards_is_neither_old_nor_new():
    world = World(quick(canary=0), names=("a",))
    world.wake("a")
    world.end_stream("a")
    world.step(Reported("a", sample(world.now, firmware="latest", seq=99)))
    assert world.reason("a") == "came back with latest, neither the old version nor the new"
