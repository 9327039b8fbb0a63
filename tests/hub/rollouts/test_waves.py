"""The plan by example: waves, gates between them, and what halts a rollout."""

from __future__ import annotations

from hub.rollouts.model import DeviceHealth, RolloutOptions, RolloutPhase
from hub.rollouts.plan import waves
from tests.hub.rollouts.fleet import World, quick


def test_the_canary_is_a_wave_of_its_own():
    names = [f"d{n}" for n in range(11)]
    found = waves(names, RolloutOptions(canary=1, wave="4"))
    assert list(found.values()) == [0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3]
    assert set(waves(names, RolloutOptions(canary=0, wave="100%")).values()) == {0}
    assert list(waves(names, RolloutOptions(canary=2, wave="25%")).values()).count(1) == 3


def test_all_is_well_and_everything_is_updated():
    world = World(quick(wave="2"))
    world.run(resume=False)
    assert set(world.states().values()) == {"updated"}
    assert world.rollout.reason == "4 updated"
    assert all(device.health is DeviceHealth.GOOD for device in world.devices.values()
               if device.wave < 2)  # fmt: skip
    assert world.retained == {}


def test_the_second_wave_waits_until_the_canary_is_found_healthy():
    world = World(quick(reports=2, wave="100%"))
    world.wake("a")
    world.end_stream("a")
    world.pass_time(5)
    world.wake("a")
    assert world.states()["a"] == "updated"
    assert world.retained == {}
    world.pass_time(60)
    world.wake("a")
    assert world.retained == {}, "one report is not two"
    world.pass_time(60)
    world.wake("a")
    assert set(world.retained) == {"b", "c", "d"}


def test_a_canary_that_is_awake_twice_as_long_halts():
    world = World(quick(), manners={"a": "slow"})
    for _ in range(8):
        world.round()
    assert world.rollout.phase is RolloutPhase.HALTED
    assert world.rollout.reason == "a is awake for 850 ms, before the update 400 ms"
    assert world.states() == {"a": "updated", "b": "pending", "c": "pending", "d": "pending"}
    world.ask("resume")
    world.run(resume=False)
    assert world.devices["a"].health is DeviceHealth.FORGIVEN
    assert set(world.states().values()) == {"updated"}


def test_a_canary_that_falls_silent_after_its_update_halts():
    world = World(quick())
    world.wake("a")
    world.end_stream("a")
    world.wake("a")
    assert world.states()["a"] == "updated"
    world.pass_time(3 * 60 + 31)
    assert world.rollout.phase is RolloutPhase.HALTED
    assert world.rollout.reason.startswith("a has not reported since 2026-03-01 12:00")


def test_a_canary_that_fails_halts_and_nothing_more_is_commanded():
    world = World(quick(attempts=1), manners={"a": "back"})
    for _ in range(3):
        world.round()
    assert world.rollout.phase is RolloutPhase.HALTED
    assert (
        world.rollout.reason
        == "the canary a: came back from its OTA server with the version it had"
    )
    assert world.states()["b"] == "pending"
    assert world.retained == {}


def test_a_number_of_failures_halts_a_later_wave():
    bad = dict.fromkeys(("b", "c", "d"), "liar")
    world = World(quick(wave="2", halt_at="2"), manners=bad)
    for _ in range(12):
        if world.rollout.phase is RolloutPhase.RUNNING:
            world.round()
    assert world.rollout.phase is RolloutPhase.HALTED
    assert world.rollout.reason.startswith("2 failed, the last of them ")
    assert sorted(world.states().values()) == ["failed", "failed", "pending", "updated"]


def test_a_skipped_canary_is_replaced():
    world = World(quick(canary=1, wave="100%"), manners={"a": "flat"})
    world.wake("a")
    assert world.states()["a"] == "skipped"
    assert world.devices["b"].wave == 0
    assert set(world.retained) == {"b"}


def test_forgiven_failures_do_not_halt_again():
    world = World(quick(canary=0, wave="1", halt_at="1", attempts=1), manners={"a": "liar"})
    for _ in range(3):
        world.round()
    assert world.rollout.phase is RolloutPhase.HALTED
    world.ask("resume")
    world.run(resume=False)
    assert sorted(world.states().values()) == ["failed", "updated", "updated", "updated"]
