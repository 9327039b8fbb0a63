"""Rollouts in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from contracts.zones import zoned
from hub.errors import HubError
from hub.language.words import N_, _, ngettext
from hub.rollouts.errors import DeviceBusyError, NoDevicesError
from hub.rollouts.model import (
    DeviceHealth,
    DeviceState,
    FirmwareTarget,
    Rollout,
    RolloutDevice,
    RolloutPhase,
)
from hub.rollouts.view import RolloutView, target_text
from hub.web.updates.reasons import reason_said

__all__ = [
    "clock",
    "counts",
    "device_words",
    "expected",
    "happened",
    "left_out",
    "phase_words",
    "sentence",
    "target_words",
    "wave_words",
    "way_out",
]

_PHASES = {
    RolloutPhase.RUNNING: N_("Running"),
    RolloutPhase.PAUSED: N_("Paused"),
    RolloutPhase.HALTED: N_("Halted"),
    RolloutPhase.ABORTING: N_("Stopping: updates under way are finished"),
    RolloutPhase.ABORTED: N_("Stopped"),
    RolloutPhase.DONE: N_("Done"),
}
_STATES = {
    DeviceState.PENDING: N_("waits for its wave"),
    DeviceState.COMMANDED: N_("waits for its next wake"),
    DeviceState.ACCEPTED: N_("accepted, waits for a free stream"),
    DeviceState.UPDATING: N_("receives the image"),
    DeviceState.VERIFYING: N_("image sent, waits for its restart"),
    DeviceState.UPDATED: N_("updated"),
    DeviceState.FAILED: N_("failed"),
    DeviceState.SKIPPED: N_("skipped"),
}
_STATES_OF = {str(state): words for state, words in _STATES.items()}
_PHASES_OF = {str(phase): words for phase, words in _PHASES.items()}
_HEALTH = {
    str(DeviceHealth.WATCHED): N_("watched"),
    str(DeviceHealth.GOOD): N_("good"),
    str(DeviceHealth.BAD): N_("bad"),
    str(DeviceHealth.FORGIVEN): N_("bad, and resumed by a person"),
}


def target_words(rollout: Rollout) -> str:
    """What is rolled out, in a few words, without secrets."""
    target = rollout.target
    if isinstance(target, FirmwareTarget) and target.board:
        return _("{version} for {board}", version=target.version, board=target.board)
    return target_text(rollout)


def phase_words(rollout: Rollout) -> str:
    """Where a rollout stands, with the reason if there is one."""
    reason = (
        f" ({reason_said(rollout.reason)})"
        if rollout.reason and rollout.phase is not RolloutPhase.RUNNING
        else ""
    )
    return f"{_(_PHASES[rollout.phase])}{reason}"


def happened(what: str, before: str, after: str) -> str:
    """A line of a rollout's history: what went from one state to another."""
    known = {"state": _STATES_OF, "health": _HEALTH, "phase": _PHASES_OF}.get(what, {})
    old, new = (_(known[one]) if one in known else one for one in (before, after))
    if what == "wave":
        new, old = _("wave {change}", change=after), ""
    if what == "health":
        new, old = _("health: {state}", state=new), ""
    return _("{before} \N{RIGHTWARDS ARROW} {after}", before=old, after=new) if old else new


def counts(view: RolloutView) -> str:
    """`2 of 5 devices updated, 1 failed`."""
    numbers = dict(view.counts)
    parts = [
        _(
            "{done} of {devices} updated",
            done=numbers.pop("updated", 0),
            devices=ngettext("{n} device", "{n} devices", len(view.devices)),
        )
    ]
    if failed := numbers.get("failed"):
        parts.append(_("{n} failed", n=failed))
    if skipped := numbers.get("skipped"):
        parts.append(_("{n} skipped", n=skipped))
    return ", ".join(parts)


def device_words(device: RolloutDevice, progress: Mapping[str, Any]) -> str:
    """Where a device stands."""
    text = _(_STATES[device.state])
    stream = progress.get(device.device)
    if device.state is DeviceState.UPDATING and stream is not None and stream.total:
        percent = 100 * stream.done // stream.total
        text = _("{percent} % sent", percent=percent)
        if stream.seconds_left is not None:
            text += _(", {seconds_left} s left", seconds_left=f"{stream.seconds_left:.0f}")
    if device.attempts and not device.over:
        text += _(", attempt {attempts}", attempts=device.attempts + 1)
    if device.reason:
        text += f": {reason_said(device.reason)}"
    if device.health_reason:
        text += f"; {reason_said(device.health_reason)}"
    return text


def expected(view: RolloutView, device: RolloutDevice, zone: ZoneInfo) -> str:
    """When a device should be done, "" when it is over."""
    if device.over:
        return ""
    forecast = view.forecast.get(device.device)
    if forecast is None or forecast.at is None:
        return _("unknown: it has not said when it wakes")
    at = clock(forecast.at, zone)
    return at if forecast.sure else _("{at} or later", at=at)


def wave_words(view: RolloutView, device: RolloutDevice) -> str:
    """Its wave as people count: the canary is none of them."""
    if not view.rollout.options.canary:
        return str(device.wave + 1)
    return str(device.wave) if device.wave else _("Canary")


def left_out(view: RolloutView) -> list[str]:
    """The devices that did not get what was rolled out."""
    return sorted(
        device.device
        for device in view.devices.values()
        if device.state in {DeviceState.FAILED, DeviceState.SKIPPED}
    )


def way_out(view: RolloutView) -> str:
    """What holds and what to do while a rollout does not go on by itself; "" while it does."""
    match view.rollout.phase:
        case RolloutPhase.HALTED:
            return _(
                "It stopped by itself before more devices were touched. Those that failed to "
                "take it run what they ran before and measure on. See below what failed; "
                "Resume goes on with the others, Stop ends it here."
            )
        case RolloutPhase.PAUSED:
            return _("Nothing is sent until somebody presses Resume. Every device measures on.")
        case RolloutPhase.RUNNING if view.done_at is None and view.forecast:
            return _(
                "Some devices have not said when they wake: the end cannot be told. It waits "
                "a day for each; one that stays silent counts as failed and holds up nobody."
            )
        case _:
            return ""


def clock(at: datetime, zone: ZoneInfo) -> str:
    """A time of today as such, another with its day; by the zone's clock."""
    local = at.astimezone(zone)
    today = datetime.now(zone).date()
    if local.date() == today:
        return zoned(at, zone, "%H:%M")
    year = "" if abs(local.date() - today) < timedelta(days=300) else " %Y"
    return zoned(at, zone, f"%d %b{year} %H:%M")


def sentence(error: HubError) -> str:
    """What was refused, for somebody who has no command line before them."""
    match error:
        case NoDevicesError():
            return _("There is no device to update: choose some that have reported to this hub.")
        case DeviceBusyError() if error.rollouts:
            device, number = next(iter(error.rollouts.items()))
            return _(
                "{device} is in rollout {number}: wait for its end, or stop it there.",
                device=device,
                number=number,
            )
        case _:
            return str(error)
