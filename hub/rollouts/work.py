"""One planning step in the making: which events came, what changes, what is to be done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias
from uuid import UUID, uuid4

from hub.rollouts.model import (
    COMMAND_OUT,
    DeviceState,
    FirmwareTarget,
    ReportSample,
    Rollout,
    RolloutDevice,
    RolloutPhase,
    Transition,
    changed,
)

__all__ = [
    "Action",
    "AnswerLater",
    "Answered",
    "ClearCommand",
    "DeviceEvent",
    "Event",
    "OperatorRequest",
    "PlanningStep",
    "PublishCommand",
    "Reported",
    "RequestSettings",
    "RestoreSettings",
    "SendImage",
    "SettingsRequested",
    "StepInputs",
    "StepOutcome",
    "StreamEnded",
]

_LONGEST_BACK_OFF_S = 3600.0
REPORTS_BEFORE = 5  # reports from before: enough for a median


@dataclass(frozen=True, slots=True)
class Reported:
    """A `$report`; `redelivered`: it may be an old one."""

    device: str
    sample: ReportSample
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """A `$ota/state`; `command` is 0 from a device that could not read the command.

    `last`: the command that it followed last, from one that refuses as old; 0 if it does not say.

    `waits`: the device may be waiting for a word; no message that was delivered before is such.
    """

    device: str
    command: int
    state: str
    at: datetime
    reason: str = ""
    version: str | None = None
    address: str | None = None
    waits: bool = True
    last: int = 0


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """A stream ended: whole, or with the reason why not.

    `stranded`: the device waits in its OTA server, with half an application.
    """

    device: str
    command: int
    error: str | None = None
    stranded: bool = False


@dataclass(frozen=True, slots=True)
class SettingsRequested:
    """Settings were requested of a device under this version; or could not be, for a reason."""

    device: str
    version: int
    error: str | None = None
    former: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class OperatorRequest:
    """A person pauses, resumes or aborts the rollout."""

    what: Literal["pause", "resume", "abort"]
    who: str = ""


DeviceEvent: TypeAlias = Reported | Answered | StreamEnded | SettingsRequested
Event: TypeAlias = DeviceEvent | OperatorRequest


@dataclass(frozen=True, slots=True)
class PublishCommand:
    """Publish the retained command."""

    device: str
    command: int


@dataclass(frozen=True, slots=True)
class ClearCommand:
    """Publish the retained nothing: go, or the command is taken back."""

    device: str


@dataclass(frozen=True, slots=True)
class AnswerLater:
    """Answer `later`."""

    device: str
    command: int
    seconds: int


@dataclass(frozen=True, slots=True)
class SendImage:
    """Send the image."""

    device: str
    command: int
    address: str | None


@dataclass(frozen=True, slots=True)
class RequestSettings:
    """Request the settings of the device; a SettingsRequested follows."""

    device: str


@dataclass(frozen=True, slots=True)
class RestoreSettings:
    """Request the former settings again."""

    device: str
    former: Mapping[str, Any]


Action: TypeAlias = (
    PublishCommand | ClearCommand | AnswerLater | SendImage | RequestSettings | RestoreSettings
)


@dataclass(frozen=True, slots=True)
class StepInputs:
    """What a step needs to know besides the rollout itself.

    `free` streams of the whole hub; `streaming` the devices that one is running to; `recent` the
    last reports of devices, oldest first; `gaps` how many readings are missing, where looked up.
    """

    events: Sequence[Event] = ()
    free: int = 0
    streaming: frozenset[str] = frozenset()
    recent: Mapping[str, tuple[ReportSample, ...]] = field(default_factory=dict)
    gaps: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What a step comes to.

    To be committed together: the rollout, the `changed` devices, the `transitions`. Only then to
    be done: the `actions`, in order. `wake_at`: when to step again if nothing is heard. `step` is
    of this outcome alone: a commit tried again is told by it from another's.
    """

    rollout: Rollout
    changed: Mapping[str, RolloutDevice]
    transitions: Sequence[Transition]
    actions: Sequence[Action]
    wake_at: datetime | None
    step: UUID = field(default_factory=uuid4, compare=False)


class PlanningStep:
    """The state of a step while it is being worked out."""

    def __init__(
        self,
        rollout: Rollout,
        devices: Mapping[str, RolloutDevice],
        inputs: StepInputs,
        now: datetime,
    ) -> None:
        self.rollout = rollout
        self.options = rollout.options
        self.devices = dict(devices)
        self.inputs = inputs
        self.now = now
        self.changed: dict[str, RolloutDevice] = {}
        self.transitions: list[Transition] = []
        self.actions: list[Action] = []
        self.awaiting_go: dict[str, datetime] = {}
        """Devices that accepted and wait for the go, and since when."""
        self.timers: list[datetime] = []

    @property
    def firmware(self) -> FirmwareTarget | None:
        """The image, None for settings."""
        target = self.rollout.target
        return target if isinstance(target, FirmwareTarget) else None

    @property
    def settings(self) -> Collection[str]:
        """The names of the settings that are wanted; none for firmware."""
        target = self.rollout.target
        return () if isinstance(target, FirmwareTarget) else target.changes.keys()

    def in_states(self, states: Iterable[DeviceState]) -> list[RolloutDevice]:
        """The devices in these states."""
        chosen = frozenset(states)
        return [device for device in self.devices.values() if device.state in chosen]

    def update(self, device: RolloutDevice, **changes: Any) -> RolloutDevice:
        """Change a device without a transition."""
        updated = changed(device, **changes)
        self.devices[updated.device] = self.changed[updated.device] = updated
        return updated

    def move(
        self, device: RolloutDevice, state: DeviceState, reason: str = "", **changes: Any
    ) -> RolloutDevice:
        """Change a device's state; a command that is out is taken back, unless it is obeyed."""
        if device.state in COMMAND_OUT and state not in {DeviceState.UPDATING, *COMMAND_OUT}:
            self.take_back(device)
            changes.setdefault("pending_clear", self.firmware is not None)
        moved = self.update(
            device,
            **{"state": state, "reason": reason, "since": self.now, "due": None, "wakes": 0}
            | changes,
        )
        self._note("state", device.device, device.state, state, reason, moved.command or None)
        return moved

    def take_back(self, device: RolloutDevice) -> None:
        """A firmware command is forgotten by the broker; settings stay requested."""
        if self.firmware is not None:
            self.actions.append(ClearCommand(device.device))

    def fail(self, device: RolloutDevice, reason: str, *, final: bool = False) -> RolloutDevice:
        """An attempt failed: try again later, or no more."""
        attempts = device.attempts + 1
        last = attempts >= self.options.attempts or self.rollout.phase is RolloutPhase.ABORTING
        if final or last:
            suffix = f" ({attempts} attempts)" if attempts > 1 else ""
            return self.move(device, DeviceState.FAILED, reason + suffix, attempts=attempts)
        pause = min(self.options.backoff_s * 2 ** (attempts - 1), _LONGEST_BACK_OFF_S)
        return self.move(
            device,
            DeviceState.PENDING,
            reason,
            attempts=attempts,
            not_before=self.now + timedelta(seconds=pause),
            claimed=False,
        )

    def phase(self, phase: RolloutPhase, reason: str = "") -> None:
        """Change where the rollout stands."""
        before = self.rollout.phase
        self.rollout = replace(self.rollout, phase=phase, reason=reason)
        self._note("phase", None, before, phase, reason)

    def wave(self, wave: int, reason: str = "") -> None:
        """Go on to a wave."""
        before = self.rollout.wave
        self.rollout = replace(self.rollout, wave=wave)
        self._note("wave", None, str(before), str(wave), reason)

    def health(self, device: RolloutDevice, health: Any, reason: str) -> None:
        """Note what the gate says of a device."""
        self.update(device, health=health, health_reason=reason)
        self._note("health", device.device, device.health, health, reason)

    def outcome(self) -> StepOutcome:
        """What it came to."""
        wake_at = min((at for at in self.timers if at > self.now), default=None)
        return StepOutcome(self.rollout, self.changed, self.transitions, self.actions, wake_at)

    def _note(  # noqa: PLR0917
        self,
        what: Any,
        device: str | None,
        before: str,
        after: str,
        reason: str = "",
        command: int | None = None,
    ) -> None:
        self.transitions.append(
            Transition(self.now, what, device, str(before), str(after), reason, command)
        )
