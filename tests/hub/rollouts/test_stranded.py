"""A device whose stream was lost half-way has no application: it hears a stream, no command."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hub.rollouts.model import (
    DeviceState,
    FirmwareTarget,
    ReportSample,
    Rollout,
    RolloutDevice,
    RolloutOptions,
    RolloutPhase,
)
from hub.rollouts.plan import step
from hub.rollouts.work import (
    Answered,
    DeviceEvent,
    Event,
    OperatorRequest,
    PublishCommand,
    Reported,
    SendImage,
    StepInputs,
    StreamEnded,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOST = StreamEnded("a", 7, "went silent", stranded=True)


class Plan:
    """A rollout over device `a` (and `b`, pending), which is being streamed to."""

    def __init__(self, **options) -> None:
        chosen = {"canary": 0, "wave": "10", "reports": 0, "backoff_s": 30, "streams": 1, **options}
        target = FirmwareTarget(image=1, version="2.0.0", size=600_000)
        self.rollout = Rollout(1, target, RolloutOptions(**chosen), NOW)
        self.devices = {
            "a": RolloutDevice("a", 0, NOW, DeviceState.UPDATING, command=7, address="10.0.0.7"),
            "b": RolloutDevice("b", 0, NOW, DeviceState.COMMANDED, command=8),
        }
        self.now = NOW

    def __call__(self, *events: DeviceEvent | Event, after: float = 0, free: int = 1) -> list:
        self.now += timedelta(seconds=after)
        outcome = step(self.rollout, self.devices, StepInputs(events, free=free), self.now)
        self.rollout = outcome.rollout
        self.devices.update(outcome.changed)
        return [action for action in outcome.actions if action.device == "a"]

    @property
    def a(self) -> RolloutDevice:
        return self.devices["a"]


def test_it_is_streamed_to_again_after_the_pause_and_never_commanded():
    plan = Plan()
    assert plan(LOST) == []
    assert (plan.a.state, plan.a.stranded, plan.a.reason) == (
        DeviceState.PENDING,
        True,
        "went silent",
    )
    assert plan(after=29) == []
    assert plan(after=2, free=0) == []  # nothing to stream with: later
    assert plan(after=10) == [SendImage("a", 7, "10.0.0.7")]
    assert plan.a.state is DeviceState.UPDATING
    assert plan(StreamEnded("a", 7)) == []
    assert plan.a.state is DeviceState.VERIFYING
    plan(Reported("a", ReportSample(plan.now, firmware="2.0.0")))
    assert plan.a.state is DeviceState.UPDATED


def test_it_is_given_up_by_name_after_its_attempts():
    plan = Plan(attempts=2, backoff_s=0)
    plan(LOST)
    assert plan.a.state is DeviceState.UPDATING
    plan(LOST)
    assert (plan.a.state, plan.a.reason) == (DeviceState.FAILED, "went silent (2 attempts)")
    assert plan.a.stranded


def test_one_that_came_back_by_itself_is_commanded():
    for sign in (
        Reported("a", ReportSample(NOW, firmware="1.0.0")),
        Answered("a", 7, "failed", NOW, "unchanged", "1.0.0"),
    ):
        plan = Plan()
        plan(LOST)
        assert plan(sign, after=31) != [SendImage("a", 7, "10.0.0.7")]
        assert not plan.a.stranded
        assert plan.a.state is DeviceState.COMMANDED
    assert plan.a.command > 7


def test_one_that_had_taken_all_of_it_is_updated():
    plan = Plan()
    plan(LOST)
    plan(Reported("a", ReportSample(NOW, firmware="2.0.0")))
    assert plan.a.state is DeviceState.UPDATED


def test_a_pause_does_not_leave_it_without_an_application():
    plan = Plan()
    plan(LOST)
    plan(OperatorRequest("pause"))
    assert plan.rollout.phase is RolloutPhase.PAUSED
    assert plan(after=31) == [SendImage("a", 7, "10.0.0.7")]
    plan(StreamEnded("a", 7))
    assert plan.a.state is DeviceState.VERIFYING


def test_an_abort_says_how_to_help_it():
    plan = Plan()
    plan(LOST)
    assert plan(OperatorRequest("abort")) == []
    assert plan.a.state is DeviceState.FAILED
    assert "`dormouse ota 10.0.0.7 IMAGE`" in plan.a.reason


def test_others_are_commanded_meanwhile_and_streams_are_not_exceeded():
    plan = Plan(backoff_s=0)
    plan.devices["a"] = replace(plan.a, state=DeviceState.PENDING, stranded=True)
    plan.devices["b"] = replace(plan.devices["b"], state=DeviceState.UPDATING)
    assert plan() == []  # streams: 1, and b has it
    assert not any(isinstance(action, PublishCommand) for action in plan(after=5))
    plan(StreamEnded("b", 8))
    assert plan.a.state is DeviceState.UPDATING
    assert plan.rollout.phase is RolloutPhase.RUNNING
