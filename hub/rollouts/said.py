"""What the hub's log says of a rollout's changes."""

from __future__ import annotations

from collections.abc import Mapping

from hub.rollouts.model import OVER, DeviceState, Rollout, RolloutDevice
from hub.runtime.log_events import EVENTS

__all__ = ["log_begun", "log_changes"]


def log_begun(tenant: str, rollout: Rollout) -> None:
    """A line for a new one."""
    EVENTS.rollout_phase.log(
        rollout=rollout.id,
        tenant=tenant,
        phase=str(rollout.phase),
        updated=0,
        failed=0,
        reason=rollout.reason,
    )


def log_changes(
    tenant: str,
    before: Rollout,
    after: Rollout,
    devices: Mapping[str, RolloutDevice],
    changed: Mapping[str, RolloutDevice],
) -> None:
    """Lines for devices that came to their end, and for another phase.

    `devices` are as they were, `changed` as they are now.
    """
    ended = [
        device
        for name, device in changed.items()
        if device.state in OVER and not (name in devices and devices[name].over)
    ]
    for device in ended:
        EVENTS.rollout_device.log(
            rollout=after.id,
            tenant=tenant,
            device=device.device,
            state=str(device.state),
            reason=device.reason,
        )
    if before.phase is not after.phase:
        now = {**devices, **changed}.values()
        EVENTS.rollout_phase.log(
            rollout=after.id,
            tenant=tenant,
            phase=str(after.phase),
            updated=sum(device.state is DeviceState.UPDATED for device in now),
            failed=sum(device.state is DeviceState.FAILED for device in now),
            reason=after.reason,
        )
