"""A fleet of imagined devices and their broker, around the pure plan."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.rollouts.model import (
    COMMAND_OUT,
    DeviceBaseline,
    DeviceState,
    FirmwareTarget,
    ReportSample,
    Rollout,
    RolloutDevice,
    RolloutOptions,
    RolloutPhase,
    SettingsTarget,
)
from hub.rollouts.plan import begin, redo, step
from hub.rollouts.windows import is_open
from hub.rollouts.work import (
    Answered,
    AnswerLater,
    ClearCommand,
    Event,
    OperatorRequest,
    PublishCommand,
    Reported,
    RequestSettings,
    RestoreSettings,
    SendImage,
    SettingsRequested,
    StepInputs,
    StepOutcome,
    StreamEnded,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OLD, NEW = "1.0.0", "2.0.0"
TARGET = FirmwareTarget(image=1, version=NEW, board="nodemcu", size=595_968, key="9c1f0a3be27d4c55")


def sample(at: datetime = NOW, **changes: Any) -> ReportSample:
    """A report of a healthy device of the old version that sleeps a minute."""
    report = {
        "firmware": OLD, "board": "nodemcu", "reset": "deepsleep", "boot": "00000001", "seq": 1,
        "awake_ms": 400, "heap_free": 20_000, "battery_mv": 3000, "next_wake_s": 60,
    }  # fmt: skip
    return ReportSample.of(report | changes, at)


@dataclass
class Imagined:
    """A device: what it runs and how it behaves.

    `manner`: good, dead (never heard again once it was told to go), liar (says it was updated),
    back (comes back with the old version), flat, deaf (knows no updates), slow (twice as long
    awake with the new version), nonsense (reports no version at all afterwards).
    """

    name: str
    manner: str = "good"
    version: str = OLD
    config: int = 0
    server: bool = False
    stranded: bool = False
    silent: bool = False
    note: int = 0  # the last command acted on
    outcome: str = ""
    seq: int = 1
    first: bool = False
    problems: tuple[str, ...] = ()

    def report(self, at: datetime) -> ReportSample:
        self.seq += 1
        slow = self.manner == "slow" and self.version == NEW
        reset, self.first = ("soft" if self.first else "deepsleep"), False
        version = "\x00?" if self.manner == "nonsense" and self.note else self.version
        return sample(
            at, firmware=version, reset=reset, seq=self.seq, awake_ms=850 if slow else 400,
            battery_mv=2000 if self.manner == "flat" else 3000, config=self.config or None,
            problems=list(self.problems) if self.config else None,
        )  # fmt: skip


@dataclass
class World:
    """A hub without I/O: what it committed, what the broker keeps, what goes wrong.

    Everything that the plan promises is asserted after each step.
    """

    options: RolloutOptions = field(
        default_factory=lambda: RolloutOptions(backoff_s=10, patience_s=600)
    )
    names: tuple[str, ...] = ("a", "b", "c", "d")
    limit: int = 2
    target: Any = TARGET
    manners: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.now = NOW
        self.fleet = {n: Imagined(n, self.manners.get(n, "good")) for n in self.names}
        rollout = Rollout(1, self.target, self.options, NOW, "ann")
        starts = {n: DeviceBaseline(d.report(NOW), 0, 0) for n, d in self.fleet.items()}
        self.devices, self.history = begin(rollout, starts, NOW)
        self.rollout = rollout
        self.retained: dict[str, int] = {}
        self.wanted: dict[str, int] = {}
        self.streams: dict[str, int] = {}
        self.recent = {n: (d.last,) for n, d in self.devices.items() if d.last}
        self.told: dict[str, list[Any]] = {}
        self.commands: dict[str, list[int]] = {n: [] for n in self.names}
        self.crash_next = False
        self.deaf_broker = False
        self.wake_at: datetime | None = None
        self.step()

    def step(self, *events: Event) -> StepOutcome:
        """What a worker does: plan, commit, do. A crash loses what was to be done."""
        facts = StepInputs(
            events, free=max(0, self.limit - len(self.streams)),
            streaming=frozenset(self.streams), recent=self.recent,
            gaps=dict.fromkeys(self.devices, 0),
        )  # fmt: skip
        before, devices = self.rollout, dict(self.devices)
        outcome = step(self.rollout, self.devices, facts, self.now)
        self.rollout = outcome.rollout
        self.devices = devices | outcome.changed
        self.history += outcome.transitions
        self.wake_at = outcome.wake_at
        self._check(before, devices, outcome)
        if self.crash_next:
            self.crash_next = False
            self.restart()
        else:
            self._do(outcome.actions)
        return outcome

    def restart(self) -> None:
        """The hub comes up again: streams are gone, what was committed is there."""
        self.streams.clear()
        self._do(redo(self.rollout, self.devices))

    def _do(self, actions: Any) -> None:
        later: list[Event] = []
        for action in actions:
            self.told.setdefault(action.device, []).append(action)
            match action:
                case PublishCommand(device, command):
                    self.retained[device] = command
                case ClearCommand(device):
                    if not self.deaf_broker:
                        self.retained.pop(device, None)
                        self.devices[device] = replace(self.devices[device], pending_clear=False)
                case SendImage(device, command, _):
                    self.streams[device] = command
                case RequestSettings(device):
                    version = self.wanted.get(device, 0) + 1
                    self.wanted[device] = version
                    later.append(SettingsRequested(device, version, former={"interval": 60}))
                case RestoreSettings(device, _):
                    self.wanted[device] = self.wanted.get(device, 0) + 1
                case AnswerLater():
                    pass
        assert len(self.streams) <= max(self.limit, self.options.streams)
        if later:
            self.step(*later)

    def _check(
        self, before: Rollout, devices: dict[str, RolloutDevice], outcome: StepOutcome
    ) -> None:
        running = outcome.rollout.phase is RolloutPhase.RUNNING
        updating = [d for d in self.devices.values() if d.state is DeviceState.UPDATING]
        assert len(updating) <= min(self.options.streams, self.limit)
        for action in outcome.actions:
            if isinstance(action, PublishCommand | RequestSettings):
                device = self.devices[action.device]
                assert running, "a command while the rollout does not run"
                assert is_open(self.options, self.now), "a command outside the window"
                assert device.wave <= outcome.rollout.wave, "a command to a later wave"
        for told in outcome.transitions:
            if told.what == "state" and told.after == "commanded" and told.command is not None:
                given = self.commands[told.device or ""]
                assert all(told.command > earlier for earlier in given), "a command once more"
                given.append(told.command)
        if isinstance(self.target, FirmwareTarget) and not (
            running and is_open(self.options, self.now)
        ):
            out = [d for d in self.devices.values() if d.state in COMMAND_OUT]
            assert not out, "commands are out that should not be"
        for name, was in devices.items():
            now = self.devices[name]
            assert not was.over or now.state is was.state, "a device left its end"
            assert now.attempts <= self.options.attempts
            if now.state in {DeviceState.FAILED, DeviceState.SKIPPED}:
                assert now.reason, f"{name} is {now.state} without a reason"
        first = min((d.wave for d in self.devices.values() if not d.over), default=None)
        if first is not None and running:
            assert outcome.rollout.wave <= first or before.wave <= first
        if outcome.rollout.phase.over:
            assert all(d.over for d in self.devices.values())

    # What devices do.

    def pass_time(self, seconds: float) -> None:
        """Time goes on, the timer rings when it said it would."""
        until = self.now + timedelta(seconds=seconds)
        rings = 0
        while self.wake_at is not None and self.wake_at <= until:
            assert self.wake_at > self.now, "a timer that rings at once, for ever"
            self.now = self.wake_at
            self.step()
            rings += 1
            assert rings < 1000
        self.now = until

    def wake(self, name: str, *, heard: bool = True) -> None:
        """A device wakes, reports, and follows what it finds; `heard`: its words arrive."""
        device = self.fleet[name]
        if device.silent or device.server:
            return
        report = device.report(self.now)
        device.config = max(device.config, self.wanted.get(name, 0) if heard else 0)
        if heard:
            if device.outcome:
                state, device.outcome = device.outcome, ""
                version = NEW if state == "updated" else device.version
                self.step(Answered(name, device.note, state, self.now, "unchanged", version))
            self.step(Reported(name, report))
            self.recent[name] = (*self.recent.get(name, ()), report)[-5:]
        command = self.retained.get(name)
        if command is None or device.manner == "deaf":
            return
        if command <= device.note:
            if heard:
                self.step(Answered(name, command, "refused", self.now, "old", device.version))
            return
        if device.manner == "flat":
            if heard:
                self.step(Answered(name, command, "refused", self.now, "battery", device.version))
            return
        if not heard:
            return
        self.told[name] = []
        self.step(Answered(name, command, "accepted", self.now, "", device.version, "192.0.2.7"))
        word = next((a for a in self.told[name] if isinstance(a, ClearCommand | AnswerLater)), None)
        if isinstance(word, ClearCommand):
            device.note = command
            device.server = True
            device.first = True
            if device.manner == "dead":
                device.silent = True
            self.step(Answered(name, command, "updating", self.now, "", device.version))

    def end_stream(self, name: str, *, whole: bool = True, lost: bool = False) -> None:
        """A stream comes to its end: the device took the image if it was there.

        `lost`: it was half-way, and the device waits for another one.
        """
        command = self.streams.pop(name, None)
        if command is None:
            return
        device = self.fleet[name]
        if device.server and not device.silent and whole:
            device.server = device.stranded = False
            device.outcome = "updated"
            if device.manner == "back":
                device.outcome = "failed"
            elif device.manner != "liar":
                device.version = NEW
            self.step(StreamEnded(name, command))
        elif device.server and lost:
            device.stranded = True
            self.step(StreamEnded(name, command, "lost half-way", stranded=True))
        else:
            self.step(StreamEnded(name, command, "no answer within 75 s"))

    def give_up_server(self, name: str) -> None:
        """Nobody came: the device leaves its OTA server."""
        device = self.fleet[name]
        if device.server and not device.stranded and name not in self.streams:
            device.server = False
            device.outcome = "failed"

    def ask(self, what: Any) -> None:
        self.step(OperatorRequest(what, "ann"))

    def round(self) -> None:
        """Everybody wakes once, streams end, a minute passes."""
        for name in self.names:
            self.wake(name)
        for name in list(self.streams):
            self.end_stream(name)
        for name in self.names:
            self.give_up_server(name)
        self.pass_time(60)

    def run(self, rounds: int = 400, *, resume: bool = True) -> None:
        """Until it is over."""
        for _ in range(rounds):
            if self.rollout.phase.over:
                return
            if resume and self.rollout.phase in {RolloutPhase.HALTED, RolloutPhase.PAUSED}:
                self.ask("resume")
            self.round()
        raise AssertionError(f"not over: {self.rollout} {self.devices}")

    def states(self) -> dict[str, str]:
        return {name: device.state.value for name, device in self.devices.items()}

    def reason(self, name: str) -> str:
        return self.devices[name].reason


SETTINGS = SettingsTarget(changes={"interval": 60})


def quick(**changes) -> RolloutOptions:
    """Options for a world in which little time passes."""
    return RolloutOptions(**{"backoff_s": 10, "patience_s": 600, **changes})
