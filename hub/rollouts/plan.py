"""What a rollout does next: waves, gates, halts, commands. Pure: no I/O, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from contracts.messages import MAX_DEVICE_COMMAND
from hub.rollouts import health
from hub.rollouts.events import handle_event
from hub.rollouts.model import (
    COMMAND_OUT,
    DeviceBaseline,
    DeviceHealth,
    DeviceState,
    FirmwareTarget,
    ReportSample,
    Rollout,
    RolloutDevice,
    RolloutOptions,
    RolloutPhase,
    Transition,
    size_of,
)
from hub.rollouts.windows import is_open, next_change
from hub.rollouts.work import (
    REPORTS_BEFORE,
    Action,
    AnswerLater,
    ClearCommand,
    OperatorRequest,
    PlanningStep,
    PublishCommand,
    RequestSettings,
    RestoreSettings,
    SendImage,
    StepInputs,
    StepOutcome,
)

__all__ = ["begin", "next_command", "redo", "remind", "step", "unfit", "waves"]

_GO_WITHIN_S = 2.0  # docs/topics.md: how long a device that said `accepted` waits for a word
_LATER_S = 30
# Streams have limits of their own; this ends what a lost stream left behind.
_STREAM_LIMIT_S = 1800.0


def waves(names: Sequence[str], options: RolloutOptions) -> dict[str, int]:
    """Which wave each device goes in: the canary is wave 0, in the order given."""
    canary = min(options.canary, len(names))
    size = size_of(options.wave, len(names))
    first = 1 if canary else 0
    return {name: 0 if n < canary else first + (n - canary) // size for n, name in enumerate(names)}


def begin(
    rollout: Rollout, baselines: Mapping[str, DeviceBaseline], now: datetime
) -> tuple[dict[str, RolloutDevice], list[Transition]]:
    """The devices of a new rollout, in the order given, in their waves.

    Those of which it is plain that they need not or cannot be updated are skipped at once, so
    that no wave consists of them.
    """
    reasons = {name: unfit(rollout, baseline.sample) for name, baseline in baselines.items()}
    order = waves([name for name, reason in reasons.items() if reason is None], rollout.options)
    devices, transitions = {}, []
    for name, baseline in baselines.items():
        before = tuple(one for one in (baseline.usual, baseline.sample) if one is not None)
        device = RolloutDevice(
            name, order.get(name, 0), now, command=baseline.command, gaps_before=baseline.gaps,
            before=before, heard_at=baseline.sample.at if baseline.sample else None,
        )  # fmt: skip
        reason = reasons[name]
        if reason is not None:
            device = replace(device, state=DeviceState.SKIPPED, reason=reason)
        transitions.append(Transition(now, "state", name, "", device.state, device.reason))
        devices[name] = device
    return devices, transitions


def next_command(now: int, last: int) -> int:
    """The number of a command after `last` (0: there was none): Unix seconds where they are.

    Devices compare numbers that go round (RFC 1982, 32 bits), so there is one after every other.
    """
    ahead = (now - last) % (MAX_DEVICE_COMMAND + 1)
    if not last or 0 < ahead <= MAX_DEVICE_COMMAND // 2:
        return now
    return last % MAX_DEVICE_COMMAND + 1


def step(
    rollout: Rollout, devices: Mapping[str, RolloutDevice], inputs: StepInputs, now: datetime
) -> StepOutcome:
    """Apply the events, end what has waited too long, judge, and go on.

    The outcome is to be committed before any of its actions is done; each action may be done again.
    """
    work = PlanningStep(rollout, devices, inputs, now)
    if not rollout.phase.over:
        for event in inputs.events:
            if isinstance(event, OperatorRequest):
                _apply_request(work, event)
            else:
                handle_event(work, event)
        _expire(work)
        _judge(work)
        _advance(work)
        _take_back(work)
        _grant_streams(work)
        _stream_to_stranded(work)
        _send_commands(work)
        _advance(work)  # the last of a wave may have been skipped just now
        _set_timers(work)
    return work.outcome()


def redo(rollout: Rollout, devices: Mapping[str, RolloutDevice]) -> list[Action]:
    """What was committed and perhaps not done, after a restart; doing it twice changes nothing."""
    actions: list[Action] = [*remind(rollout, devices)]
    firmware = isinstance(rollout.target, FirmwareTarget)
    for name, device in devices.items():
        if device.state is DeviceState.UPDATING:
            # Told to go or not, that is not known: it is looked for where it said it would be.
            actions.append(SendImage(name, device.command, device.address))
        elif device.state is DeviceState.COMMANDED and not firmware and not device.command:
            actions.append(RequestSettings(name))
    return actions


def remind(
    rollout: Rollout, devices: Mapping[str, RolloutDevice]
) -> list[PublishCommand | ClearCommand]:
    """What the broker must hold, and what it must not: it may have lost or kept either."""
    if not isinstance(rollout.target, FirmwareTarget):
        return []  # hub.device_settings does that
    out = [PublishCommand(d.device, d.command) for d in devices.values() if d.state in COMMAND_OUT]
    # Not to one that was told to go: should it never have heard that, it asks again.
    pending_clear = [
        ClearCommand(d.device)
        for d in devices.values()
        if d.pending_clear and d.state not in {*COMMAND_OUT, DeviceState.UPDATING}
    ]
    return [*out, *pending_clear]


def unfit(rollout: Rollout, sample: ReportSample | None) -> str | None:
    """Why a device need not or cannot be updated, by its last report; None: it may be."""
    if sample is None:
        return None
    firmware = rollout.target
    if isinstance(firmware, FirmwareTarget):
        if sample.firmware == firmware.version:
            return f"runs {firmware.version} already"
        if firmware.board and sample.board and sample.board != firmware.board:
            return f"is a {sample.board[:40]!r}, the image is for {firmware.board!r}"
    least = rollout.options.battery_mv
    if sample.battery_mv is not None and sample.battery_mv < least:
        return f"its battery is at {sample.battery_mv} mV, {least} mV are asked for"
    return None


def _apply_request(work: PlanningStep, event: OperatorRequest) -> None:
    by = f"by {event.who}" if event.who else ""
    phase = work.rollout.phase
    if event.what == "pause" and phase is RolloutPhase.RUNNING:
        work.phase(RolloutPhase.PAUSED, by)
    elif event.what == "abort":
        work.phase(RolloutPhase.ABORTING, by)
    elif event.what == "resume" and phase in {RolloutPhase.PAUSED, RolloutPhase.HALTED}:
        for device in work.in_states({DeviceState.UPDATED}):
            if device.health is DeviceHealth.BAD:
                work.health(device, DeviceHealth.FORGIVEN, device.health_reason)
        work.rollout = replace(work.rollout, forgiven=len(work.in_states({DeviceState.FAILED})))
        work.phase(RolloutPhase.RUNNING, by)


def _expire(work: PlanningStep) -> None:
    for device in work.in_states({*COMMAND_OUT, DeviceState.UPDATING, DeviceState.VERIFYING}):
        if _due(work, device) > work.now:
            continue
        if device.state in COMMAND_OUT:
            seen_at = max(device.heard_at or device.since, device.since)
            work.fail(device, f"was not heard since {_clock(seen_at)}", final=True)
        elif device.state is DeviceState.UPDATING:
            work.fail(device, "the stream did not come to an end")
        elif device.reason:
            work.fail(device, device.reason)
        elif device.claimed:
            work.fail(device, "says it was updated, but does not report", final=True)
        else:
            work.fail(device, "was sent the image and was not heard since", final=True)


def _due(work: PlanningStep, device: RolloutDevice) -> datetime:
    """When patience with a device in the present state ends."""
    if device.due is not None:
        return device.due
    asleep = (device.last.next_wake_s or 0) if device.last else 0
    if device.state in COMMAND_OUT:
        seconds = max(work.options.patience_s, 2 * asleep + 30)
        return max(device.heard_at or device.since, device.since) + timedelta(seconds=seconds)
    if device.state is DeviceState.VERIFYING:
        # One that does not find its network sleeps and tries again.
        seconds = max(work.options.verify_s, 2 * asleep + 60)
        return device.since + timedelta(seconds=seconds)
    return device.since + timedelta(seconds=_STREAM_LIMIT_S)


def _judge(work: PlanningStep) -> None:
    for device in work.in_states({DeviceState.UPDATED}):
        if device.health is not DeviceHealth.WATCHED:
            continue
        gaps = work.inputs.gaps.get(device.device)
        verdict, why = health.verdict(device, work.options, gaps, work.now)
        if verdict is not DeviceHealth.WATCHED:
            work.health(device, verdict, why)
        elif why != device.health_reason:
            work.update(device, health_reason=why)
    if work.rollout.phase is RolloutPhase.RUNNING:
        reason = _halting(work)
        if reason is not None:
            work.phase(RolloutPhase.HALTED, reason)


def _halting(work: PlanningStep) -> str | None:
    """Why the rollout must not go on."""
    for device in work.in_states({DeviceState.UPDATED}):
        if device.health is DeviceHealth.BAD:
            return f"{device.device} {device.health_reason}"
    failed = sorted(work.in_states({DeviceState.FAILED}), key=lambda device: device.since)
    fresh = len(failed) - work.rollout.forgiven
    canary = bool(work.options.canary) and work.rollout.wave == 0
    limit = 1 if canary else size_of(work.options.halt_at, len(work.devices))
    if fresh < limit:
        return None
    last = failed[-1]
    who = "the canary" if canary else f"{fresh} failed, the last of them"
    return f"{who} {last.device}: {last.reason}"


def _advance(work: PlanningStep) -> None:
    """On to the next wave, or to the end."""
    phase = work.rollout.phase
    if phase is RolloutPhase.ABORTING:
        for device in work.in_states({DeviceState.PENDING, *COMMAND_OUT}):
            _abort(work, device)
    left = [device for device in work.devices.values() if not device.over]
    if not left:
        if phase is not RolloutPhase.ABORTED and not work.rollout.phase.over:
            ending = RolloutPhase.ABORTED if phase is RolloutPhase.ABORTING else RolloutPhase.DONE
            work.phase(ending, _summary(work.devices.values()))
        return
    if phase is not RolloutPhase.RUNNING:
        return
    wave = work.rollout.wave
    present = [device for device in work.devices.values() if device.wave == wave]
    if any(not d.over or d.health is DeviceHealth.WATCHED for d in present):
        return
    if wave == 0 and work.options.canary and all(d.state is DeviceState.SKIPPED for d in present):
        # Nobody has tried the target yet: others take the canary's place.
        left.sort(key=lambda device: (device.wave, device.device))
        for device in left[: work.options.canary]:
            work.update(device, wave=0)
        work.wave(0, "the canary was skipped: another one")
    else:
        work.wave(min(device.wave for device in left))


def _abort(work: PlanningStep, device: RolloutDevice) -> None:
    if device.stranded:
        reason = (
            "aborted while it waits in its OTA server, without an application: "
            f"`dormouse ota {device.address} IMAGE` ends that"
        )
        work.move(device, DeviceState.FAILED, reason)
        return
    if device.state is DeviceState.PENDING:
        work.move(device, DeviceState.SKIPPED, "the rollout was aborted")
        return
    if work.firmware is None and device.former is not None:
        work.actions.append(RestoreSettings(device.device, device.former))
    work.move(device, DeviceState.SKIPPED, "the rollout was aborted before it took the command")


def _take_back(work: PlanningStep) -> None:
    """Commands are out only while the rollout runs, within its windows."""
    if work.firmware is None:
        return  # settings are taken at any wake; abort wants the former ones again
    running = work.rollout.phase is RolloutPhase.RUNNING
    if running and is_open(work.options, work.now):
        return
    reason = "the window closed" if running else f"the rollout is {work.rollout.phase}"
    for device in work.in_states(COMMAND_OUT):
        if device.device in work.awaiting_go:
            work.actions.append(AnswerLater(device.device, device.command, _LATER_S))
        work.move(device, DeviceState.PENDING, reason)


def _grant_streams(work: PlanningStep) -> None:
    """The go for devices that wait for it, as far as streams are free; `later` for the rest."""
    streams = sum(isinstance(action, SendImage) for action in work.actions)
    updating = len(work.in_states({DeviceState.UPDATING}))
    free = min(work.inputs.free - streams, work.options.streams - updating)
    for name, since in sorted(work.awaiting_go.items(), key=lambda item: item[1]):
        device = work.devices[name]
        if device.state is not DeviceState.ACCEPTED or work.now - since > timedelta(
            seconds=_GO_WITHIN_S
        ):
            continue
        if free > 0:
            free -= 1
            work.move(device, DeviceState.UPDATING, pending_clear=True)
            work.actions += [ClearCommand(name), SendImage(name, device.command, device.address)]
        else:
            work.actions.append(AnswerLater(name, device.command, _LATER_S))


def _send_commands(work: PlanningStep) -> None:
    if work.rollout.phase is not RolloutPhase.RUNNING:
        return
    if not is_open(work.options, work.now):
        return
    for device in work.in_states({DeviceState.PENDING}):
        waits = device.not_before is not None and device.not_before > work.now
        if device.wave <= work.rollout.wave and not waits and not device.stranded:
            _send_command(work, device)


def _stream_to_stranded(work: PlanningStep) -> None:
    """Stream once more to devices that wait in their OTA servers, as streams are free.

    Paused, halted or out of its windows: they are in the middle, and have no application.
    """
    given = sum(isinstance(action, SendImage) for action in work.actions)
    updating = len(work.in_states({DeviceState.UPDATING}))
    free = min(work.inputs.free - given, work.options.streams - updating)
    for device in work.in_states({DeviceState.PENDING}):
        waits = device.not_before is not None and device.not_before > work.now
        if device.stranded and not waits and free > 0:
            free -= 1
            work.move(device, DeviceState.UPDATING, "again, to its OTA server")
            work.actions.append(SendImage(device.device, device.command, device.address))


def _send_command(work: PlanningStep, device: RolloutDevice) -> None:
    recent = work.inputs.recent.get(device.device, device.before)
    reason = unfit(work.rollout, recent[-1] if recent else None)
    if reason is not None:
        work.move(device, DeviceState.SKIPPED, reason)
        return
    if work.firmware is None:
        work.move(
            device, DeviceState.COMMANDED, command=0, before=recent[-REPORTS_BEFORE:], address=None
        )
        work.actions.append(RequestSettings(device.device))
        return
    command = next_command(int(work.now.timestamp()), device.command)
    work.move(
        device,
        DeviceState.COMMANDED,
        device.reason if device.attempts else "",
        command=command,
        before=recent[-REPORTS_BEFORE:],
        address=None,
        pending_clear=False,
    )
    work.actions.append(PublishCommand(device.device, command))


def _set_timers(work: PlanningStep) -> None:
    """When something is due without anything being heard."""
    if work.rollout.phase.over:
        return
    for device in work.devices.values():
        if device.state in {*COMMAND_OUT, DeviceState.UPDATING, DeviceState.VERIFYING}:
            work.timers.append(_due(work, device))
        elif device.health is DeviceHealth.WATCHED:
            work.timers.append(health.due(device.after[-1], work.options))
        elif device.state is DeviceState.PENDING and device.wave <= work.rollout.wave:
            work.timers.append(device.not_before or work.now)
    change = next_change(work.options, work.now)
    if change is not None and work.rollout.phase is RolloutPhase.RUNNING:
        work.timers.append(change)


def _summary(devices: Iterable[RolloutDevice]) -> str:
    counts = Counter(device.state for device in devices)
    final = DeviceState.UPDATED, DeviceState.FAILED, DeviceState.SKIPPED
    parts = [f"{counts[state]} {state}" for state in final if counts[state]]
    return ", ".join(parts) or "no devices"


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
