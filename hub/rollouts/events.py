"""What a device's word means for its update. Pure; one function an event."""

from __future__ import annotations

from datetime import timedelta

from hub.rollouts.model import (
    COMMAND_OUT,
    OVER,
    DeviceHealth,
    DeviceState,
    ReportSample,
    RolloutDevice,
)
from hub.rollouts.work import (
    REPORTS_BEFORE,
    Answered,
    AnswerLater,
    ClearCommand,
    DeviceEvent,
    PlanningStep,
    PublishCommand,
    Reported,
    SendImage,
    SettingsRequested,
    StreamEnded,
)

__all__ = ["handle_event"]

_UNANSWERED_WAKES = 5  # wakes without an answer: on a lossy link one or two may miss the command
# s: the report and the word on $ota/state come in the same wake, in any order.
_SAME_WAKE_S = 10.0
_BEING_UPDATED = frozenset({DeviceState.UPDATING, DeviceState.VERIFYING})

# Refusals by who can do something about it: nobody has to, trying again may, nothing will.
_SKIP_REASONS = {
    "running": "says it runs {version} already",
    "board": "refused: the image is for another board",
    "battery": "refused: its battery is too low",
}
_RETRY_REASONS = {"old": "refused: it has seen a newer command"}
_FINAL_REASONS = {
    "malformed": "refused: it could not read the command",
    "device": "refused: it cannot be updated over the air",
    "size": "refused: the image does not fit",
    "key": "refused: the image is signed with a key it does not know",
    "downgrade": "refused: {target} is older than what it runs",
    "counter": "refused: the security counter of {target} is below one that it has confirmed; sign "
    "the image anew with a higher one",
}


_FAILURES = {
    "unchanged": "came back from its OTA server with the version it had",
    "interrupted": "lost power on the way to its OTA server, or has none",
    "flash": "could not write to its flash",
}


def handle_event(work: PlanningStep, event: DeviceEvent) -> None:
    """Let an event have its effect; one of a device that is none of ours has none."""
    device = work.devices.get(event.device)
    if device is None:
        return
    match event:
        case Reported():
            _reported(work, device, event)
        case Answered():
            _answered(work, device, event)
        case StreamEnded():
            _stream_ended(work, device, event)
        case SettingsRequested():
            _settings_requested(work, device, event)


def _reported(work: PlanningStep, device: RolloutDevice, event: Reported) -> None:
    sample = event.sample
    if event.redelivered and _is_old(device, sample):
        return
    if device.stranded:
        device = work.update(device, stranded=False)  # it has an application after all
    if _runs_target(work, device, sample):
        _arrived(work, device, sample)
    elif device.state in COMMAND_OUT:
        _command_ignored(work, work.update(device, heard_at=sample.at, wakes=device.wakes + 1,
                                before=(*device.before, sample)[-REPORTS_BEFORE:]))  # fmt: skip
    elif device.state is DeviceState.VERIFYING:
        _came_back(work, device, sample)
    elif (
        device.state is DeviceState.UPDATED
        and device.health is DeviceHealth.WATCHED
        and work.firmware
    ):
        work.health(device, DeviceHealth.BAD, f"went back to {_show(sample.firmware)}")


def _is_old(device: RolloutDevice, sample: ReportSample) -> bool:
    last = device.last
    return (
        last is not None
        and last.boot == sample.boot
        and last.seq is not None
        and sample.seq is not None
        and sample.seq <= last.seq
    )


def _runs_target(work: PlanningStep, device: RolloutDevice, sample: ReportSample) -> bool:
    if work.firmware is not None:
        return sample.firmware == work.firmware.version
    return device.command > 0 and (sample.config or 0) >= device.command


def _arrived(work: PlanningStep, device: RolloutDevice, sample: ReportSample) -> None:
    """The device reports the target."""
    if device.state is DeviceState.UPDATED:
        if device.health is DeviceHealth.WATCHED and (refused := sample.refused(work.settings)):
            work.health(device, DeviceHealth.BAD, f"the device says: {_show(refused[0])}")
        elif device.health is DeviceHealth.WATCHED:
            work.update(device, after=(*device.after, sample), heard_at=sample.at)
        return
    if device.state in OVER:
        return
    if work.firmware is not None and not (device.sent or device.state in _BEING_UPDATED):
        reason = (
            f"reports {work.firmware.version}, though nothing was sent to it: "
            "updated by another way, or wrong about itself"
        )
        work.move(device, DeviceState.SKIPPED, reason)
        return
    if refused := sample.refused(work.settings):
        reason = f"the device says: {'; '.join(map(_show, refused[:3]))}"
        work.fail(work.update(device, heard_at=sample.at), reason, final=True)
        return
    arrived = work.move(device, DeviceState.UPDATED, after=(sample,), heard_at=sample.at)
    if work.options.reports:
        work.health(arrived, DeviceHealth.WATCHED, "")


def _command_ignored(work: PlanningStep, device: RolloutDevice) -> None:
    if device.wakes >= _UNANSWERED_WAKES:
        what = "the command" if work.firmware else "the settings"
        work.fail(device, f"woke {device.wakes} times and did not answer {what}")


def _came_back(work: PlanningStep, device: RolloutDevice, sample: ReportSample) -> None:
    """A report of something else after the stream."""
    before = next((s.firmware for s in reversed(device.before) if s.firmware), None)
    if device.claimed:
        work.fail(device, f"says it was updated, but reports {_show(sample.firmware)}", final=True)
    elif before is not None and sample.firmware != before:
        work.fail(device, f"came back with {_show(sample.firmware)}, neither the old version nor "
                  "the new", final=True)  # fmt: skip
    else:
        # Its own word, with the reason, is on its way.
        soon = work.now + timedelta(seconds=_SAME_WAKE_S)
        work.update(
            device,
            heard_at=sample.at,
            due=min(device.due or soon, soon),
            reason=f"came back with {_show(sample.firmware)}",
        )


def _answered(work: PlanningStep, device: RolloutDevice, event: Answered) -> None:
    if work.firmware is None:
        return
    unread = not event.command and event.state == "refused" and device.state in COMMAND_OUT
    if (event.command != device.command and not unread) or device.state in OVER:
        _answer_stray(work, device, event)
        return
    device = work.update(device, heard_at=event.at, wakes=0, stranded=False)
    match event.state:
        case "accepted":
            _accepted(work, device, event)
        case "refused":
            _refused(work, device, event)
        case "updating":
            _updating(work, device, event)
        case "updated" if device.state in _BEING_UPDATED or device.sent:
            _claimed(work, device, event)
        case "failed" if device.state in _BEING_UPDATED and event.reason == "version":
            # The image is another than it says: the next attempt would end the same way.
            work.fail(device, f"came back with {_show(event.version)}, neither the old version nor "
                      "the new", final=True)  # fmt: skip
        case "failed" if device.state in _BEING_UPDATED:
            reason = f"the device says: {_show(event.reason)}"
            work.fail(device, _FAILURES.get(event.reason, reason))


def _answer_stray(work: PlanningStep, device: RolloutDevice, event: Answered) -> None:
    """An answer to a command that is not open: the broker still holds that one, or lost ours."""
    if device.state in _BEING_UPDATED:
        return
    if event.state == "accepted":
        # First: to a device that waits for a word the clearing alone would mean go.
        work.actions.append(AnswerLater(device.device, event.command, 60))
    if device.state in COMMAND_OUT:
        work.actions.append(PublishCommand(device.device, device.command))
    else:
        work.actions.append(ClearCommand(device.device))


def _accepted(work: PlanningStep, device: RolloutDevice, event: Answered) -> None:
    if device.state in COMMAND_OUT:
        if device.state is DeviceState.COMMANDED:
            device = work.move(device, DeviceState.ACCEPTED, address=event.address)
        else:
            device = work.update(device, address=event.address)
        if event.waits:
            work.awaiting_go[device.device] = event.at
    elif device.state is DeviceState.UPDATING and event.waits:
        # It never saw the go: again.
        work.take_back(work.update(device, address=event.address))
        _stream(work, device, event.address)
    elif device.state is DeviceState.VERIFYING and event.waits:
        work.fail(device, "slept on instead of taking the image")
    elif device.state is DeviceState.PENDING:
        _answer_stray(work, device, event)


def _updating(work: PlanningStep, device: RolloutDevice, event: Answered) -> None:
    """It goes; without our word when it took a command taken back for one."""
    if device.state is DeviceState.UPDATING or device.state is DeviceState.VERIFYING:
        return
    if work.inputs.free > 0 and len(work.in_states({DeviceState.UPDATING})) < work.options.streams:
        address = event.address or device.address
        moved = work.move(device, DeviceState.UPDATING, "went by itself", address=address)
        _stream(work, moved, address)


def _stream(work: PlanningStep, device: RolloutDevice, address: str | None) -> None:
    if device.device not in work.inputs.streaming:
        work.actions.append(SendImage(device.device, device.command, address))


def _refused(work: PlanningStep, device: RolloutDevice, event: Answered) -> None:
    firmware = work.firmware
    details = {"version": _show(event.version), "target": firmware.version if firmware else ""}
    if event.reason == "running" and device.sent:
        _claimed(work, device, event)
    elif event.reason in _SKIP_REASONS:
        work.move(device, DeviceState.SKIPPED, _SKIP_REASONS[event.reason].format(**details))
    elif event.reason in _RETRY_REASONS:
        # The next number comes after what it has seen, whoever gave it that.
        seen = event.last or device.command
        work.fail(work.update(device, command=seen), _RETRY_REASONS[event.reason])
    else:
        reason = _FINAL_REASONS.get(event.reason, f"refused: {_show(event.reason)}")
        work.fail(device, reason.format(**details), final=True)


def _claimed(work: PlanningStep, device: RolloutDevice, event: Answered) -> None:
    """It says that it was updated; its report has the last word."""
    firmware = work.firmware
    if firmware is not None and event.version not in {None, firmware.version}:
        work.fail(device, f"says it was updated, but to {_show(event.version)}", final=True)
    elif device.state is DeviceState.VERIFYING:
        work.update(device, claimed=True)
    else:
        work.move(device, DeviceState.VERIFYING, claimed=True, sent=True)


def _stream_ended(work: PlanningStep, device: RolloutDevice, event: StreamEnded) -> None:
    if device.state is not DeviceState.UPDATING or event.command != device.command:
        return
    if event.error is None:
        work.move(device, DeviceState.VERIFYING, sent=True)
    else:
        # What a lost stream sent may have been the whole.
        failed = work.fail(device, event.error)
        work.update(failed, stranded=event.stranded, sent=device.sent or event.stranded)


def _settings_requested(
    work: PlanningStep, device: RolloutDevice, event: SettingsRequested
) -> None:
    if device.state is not DeviceState.COMMANDED:
        return
    if event.error is not None:
        work.fail(device, event.error, final=True)
    else:
        former = device.former if device.former is not None else event.former
        work.update(device, command=event.version, former=former)


def _show(text: str | None) -> str:
    """What a device says of itself: data, short."""
    if not text:
        return "nothing"
    escaped = ascii(text)[1:-1]
    return escaped if len(escaped) <= 60 else escaped[:57] + "..."
