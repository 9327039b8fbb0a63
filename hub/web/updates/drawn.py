"""A rollout drawn: a bar of where its devices are, and a square for each by wave. Pure."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from html import escape

from hub.language.words import N_, _, ngettext
from hub.rollouts.model import DeviceHealth, DeviceState, RolloutDevice
from hub.rollouts.view import RolloutView

__all__ = ["RolloutGroup", "bar", "group_of", "waves"]

# Beyond it a wave's squares say no more than their number does.
_MOST_SQUARES = 200


class RolloutGroup(StrEnum):
    """Where a device is, as people count them; in the order of the bar."""

    HEALTHY = "healthy"
    WATCHED = "watched"
    RECEIVING = "receiving"
    FAILED = "failed"
    SKIPPED = "skipped"
    WAITING = "waiting"


_TITLES = {
    RolloutGroup.HEALTHY: (N_("updated"), "\N{CHECK MARK}"),
    RolloutGroup.WATCHED: (N_("updated, being watched"), "\N{CHECK MARK}"),
    RolloutGroup.RECEIVING: (N_("receiving"), "\N{UPWARDS ARROW}"),
    RolloutGroup.FAILED: (N_("failed"), "!"),
    RolloutGroup.SKIPPED: (N_("skipped"), "\N{EN DASH}"),
    RolloutGroup.WAITING: (N_("waiting"), ""),
}
_LEGEND = N_(
    "\N{CHECK MARK} updated, outlined \N{CHECK MARK} being watched, \N{UPWARDS ARROW} receiving, "
    "! failed, \N{EN DASH} skipped, empty waiting"
)
_STREAMED = {DeviceState.ACCEPTED, DeviceState.UPDATING, DeviceState.VERIFYING}


def group_of(device: RolloutDevice) -> RolloutGroup:
    """Where a device is."""
    match device.state:
        case DeviceState.FAILED:
            return RolloutGroup.FAILED
        case DeviceState.SKIPPED:
            return RolloutGroup.SKIPPED
        case DeviceState.UPDATED:
            if device.health is DeviceHealth.BAD:
                return RolloutGroup.FAILED
            watched = device.health is DeviceHealth.WATCHED
            return RolloutGroup.WATCHED if watched else RolloutGroup.HEALTHY
        case state if state in _STREAMED:
            return RolloutGroup.RECEIVING
        case _:
            return RolloutGroup.WAITING


def bar(view: RolloutView) -> str:
    """All devices as one bar, as HTML; what it says is said to those who cannot see it."""
    counted = Counter(group_of(device) for device in view.devices.values())
    parts = "".join(
        f'<i class="{group}" style="flex-grow:{counted[group]}"></i>'
        for group in RolloutGroup
        if counted[group]
    )
    return f'<div class="dm-rollout-bar" role="img" aria-label="{_said(counted)}">{parts}</div>'


def waves(view: RolloutView) -> str:
    """A list of the waves with a square for each device, as HTML."""
    lines = []
    for devices in view.waves:
        counted = Counter(group_of(device) for device in devices)
        wave = devices[0].wave
        canary = view.rollout.options.canary and not wave
        title = (
            _("Canary")
            if canary
            else _("Wave {value}", value=wave if view.rollout.options.canary else wave + 1)
        )
        ordered = sorted((group_of(one) for one in devices), key=list(RolloutGroup).index)
        said = ngettext("{n} device", "{n} devices", len(devices))
        squares = "".join(
            f'<i class="{group}">{_TITLES[group][1]}</i>' for group in ordered[:_MOST_SQUARES]
        )
        lines.append(
            f"<li><b>{title}</b><small>{escape(said)}</small>"
            f'<span class="dm-squares" role="img" aria-label="{_said(counted)}">{squares}</span>'
            "</li>"
        )
    return f'<ol class="dm-waves">{"".join(lines)}</ol><p class="dm-soft">{_(_LEGEND)}</p>'


def _said(counted: Counter[RolloutGroup]) -> str:
    return ", ".join(
        f"{counted[group]} {_(_TITLES[group][0])}" for group in RolloutGroup if counted[group]
    )
