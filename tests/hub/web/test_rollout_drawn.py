"""A rollout as squares and a bar, and what its page says to do, by example."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.rollouts.forecast import Forecast
from hub.rollouts.model import (
    DeviceHealth,
    DeviceState,
    Rollout,
    RolloutDevice,
    RolloutOptions,
    RolloutPhase,
    SettingsTarget,
)
from hub.rollouts.view import RolloutView
from hub.web.updates.drawn import RolloutGroup, bar, group_of, waves
from hub.web.updates.words import left_out, wave_words, way_out

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def one(name: str, wave: int, state: DeviceState, health=DeviceHealth.UNKNOWN) -> RolloutDevice:
    return RolloutDevice(name, wave, NOW, state, health=health)


DEVICES = [
    one("a", 0, DeviceState.UPDATED, DeviceHealth.GOOD),
    one("b", 1, DeviceState.UPDATED, DeviceHealth.WATCHED),
    one("c", 1, DeviceState.UPDATED, DeviceHealth.BAD),
    one("d", 1, DeviceState.UPDATING),
    one("e", 1, DeviceState.FAILED),
    one("f", 2, DeviceState.SKIPPED),
    one("g", 2, DeviceState.COMMANDED),
    one("h", 2, DeviceState.PENDING),
]


def view(phase: RolloutPhase = RolloutPhase.RUNNING, *, canary: int = 1, forecast=None):
    rollout = Rollout(
        1, SettingsTarget(changes={"interval": 60}), RolloutOptions(canary=canary), NOW, phase=phase
    )
    return RolloutView(rollout, {one.device: one for one in DEVICES}, forecast or {}, {}, {})


def test_every_device_is_in_the_group_that_people_count_it_in():
    groups = {one.device: group_of(one) for one in DEVICES}
    assert groups == {
        "a": RolloutGroup.HEALTHY,
        "b": RolloutGroup.WATCHED,
        "c": RolloutGroup.FAILED,
        "d": RolloutGroup.RECEIVING,
        "e": RolloutGroup.FAILED,
        "f": RolloutGroup.SKIPPED,
        "g": RolloutGroup.WAITING,
        "h": RolloutGroup.WAITING,
    }


def test_it_is_drawn_by_wave_and_says_the_same_in_words():
    drawn = waves(view())
    assert drawn.count("<li>") == 3
    assert "<b>Canary</b><small>1 device</small>" in drawn
    assert "<b>Wave 1</b><small>4 devices</small>" in drawn
    assert 'aria-label="1 updated, being watched, 1 receiving, 2 failed"' in drawn
    assert drawn.count('<i class="waiting">') == 2
    assert "<b>Wave 1</b><small>1 device</small>" in waves(view(canary=0))
    whole = bar(view())
    assert (
        "1 updated, 1 updated, being watched, 1 receiving, 2 failed, 1 skipped, 2 waiting" in whole
    )
    assert '<i class="failed" style="flex-grow:2"></i>' in whole
    assert [wave_words(view(), one) for one in DEVICES[:2]] == ["Canary", "1"]


def test_where_it_does_not_go_on_by_itself_it_says_what_to_do():
    assert left_out(view()) == ["e", "f"]
    assert "Resume" in way_out(view(RolloutPhase.PAUSED))
    halted = way_out(view(RolloutPhase.HALTED))
    assert "run what they ran before" in halted
    assert "Stop" in halted
    unknown = {"g": Forecast(None, sure=False)}
    assert "have not said when they wake" in way_out(view(forecast=unknown))
    assert not way_out(view(forecast={"g": Forecast(NOW, sure=True)}))
    assert not way_out(view(RolloutPhase.DONE))
