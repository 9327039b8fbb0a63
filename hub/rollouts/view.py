"""A rollout as people and programs see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.device_settings.schema import masked
from hub.rollouts.forecast import Forecast
from hub.rollouts.model import DeviceState, FirmwareTarget, ReportSample, Rollout, RolloutDevice

__all__ = ["RolloutView", "target_text"]


def target_text(rollout: Rollout) -> str:
    """What is rolled out, in a few words, without secrets."""
    target = rollout.target
    if isinstance(target, FirmwareTarget):
        return f"{target.version} for {target.board}" if target.board else target.version
    return ", ".join(f"{name}={value}" for name, value in masked(target.changes).items())


@dataclass(frozen=True, slots=True)
class RolloutView:
    """A rollout, its devices, when each should be done, the streams under way.

    `forecast` has the devices that are not over, `progress` StreamProgress by device, `recent` the
    last report of each.
    """

    rollout: Rollout
    devices: Mapping[str, RolloutDevice]
    forecast: Mapping[str, Forecast]
    progress: Mapping[str, Any]
    recent: Mapping[str, ReportSample]

    @property
    def counts(self) -> dict[str, int]:
        """How many devices are in each state that there is."""
        counts = Counter(device.state for device in self.devices.values())
        return {state.value: counts[state] for state in DeviceState if counts[state]}

    @property
    def waves(self) -> list[list[RolloutDevice]]:
        """The devices by wave, the canary first; who was skipped at the start is in the first."""
        by_wave: dict[int, list[RolloutDevice]] = {}
        for device in self.devices.values():
            by_wave.setdefault(device.wave, []).append(device)
        return [sorted(by_wave[wave], key=lambda device: device.device) for wave in sorted(by_wave)]

    @property
    def done_at(self) -> datetime | None:
        """When the last device should be done; None when that cannot be said."""
        known = [one.at for one in self.forecast.values()]
        return None if None in known else max((at for at in known if at), default=None)

    def json(self) -> dict[str, Any]:
        """All of it in JSON's kinds."""
        rollout, target = self.rollout, self.rollout.target
        shown = target.model_dump()
        if not isinstance(target, FirmwareTarget):
            shown["changes"] = masked(target.changes)
        return {
            "id": rollout.id,
            "kind": target.kind,
            "target": shown,
            "text": target_text(rollout),
            "phase": rollout.phase.value,
            "reason": rollout.reason,
            "wave": rollout.wave,
            "waves": max((device.wave for device in self.devices.values()), default=0) + 1,
            "counts": self.counts,
            "created_at": rollout.created_at.isoformat(),
            "created_by": rollout.created_by,
            "done_at": _iso(self.done_at),
            "options": rollout.options.model_dump(),
            "devices": [self._device(device) for wave in self.waves for device in wave],
        }

    def _device(self, device: RolloutDevice) -> dict[str, Any]:
        recent = self.recent.get(device.device)
        expected = self.forecast.get(device.device)
        progress = self.progress.get(device.device)
        return {
            "device": device.device,
            "wave": device.wave,
            "state": device.state.value,
            "reason": device.reason,
            "attempts": device.attempts,
            "command": device.command or None,
            "since": device.since.isoformat(),
            "not_before": _iso(device.not_before),
            "heard_at": _iso(recent.at if recent else device.heard_at),
            "firmware": recent.firmware if recent else None,
            "battery_mv": recent.battery_mv if recent else None,
            "health": device.health.value,
            "health_reason": device.health_reason,
            "expected_at": _iso(expected.at) if expected else None,
            "expected_sure": expected.sure if expected else True,
            "progress": progress
            and {
                "phase": str(progress.phase),
                "done": progress.done,
                "total": progress.total,
                "rate": progress.rate,
                "seconds_left": progress.seconds_left,
                "restarts": progress.restarts,
            },
        }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
