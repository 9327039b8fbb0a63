"""A rollout as a step of a run: begun once, followed to its end over restarts, judged."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from contracts.show import count
from hub.hooks.errors import StepFailedError
from hub.hooks.model import ChainStep
from hub.rollouts.model import DeviceState, RolloutPhase
from hub.rollouts.service import RolloutRequest, Rollouts
from hub.rollouts.view import RolloutView

__all__ = ["follow_rollout"]

# s: a change may have come before this hub began to listen.
_LOOK_S = 60.0


async def follow_rollout(
    rollouts: Rollouts,
    tenant: str,
    step: ChainStep,
    *,
    image: int,
    who: str,
    detail: dict[str, Any],
    remember: Callable[[], Awaitable[None]],
) -> str:
    """Begin it, or go on with the one that was begun; what came of it.

    Raises StepFailedError where a gate halted it, a person aborted it, or a device failed. One that
    is halted stays so: a person decides.
    """
    async with rollouts.watch() as changes:
        if "rollout" not in detail:
            view = await _begun(rollouts, tenant, who)
            if view is None:
                request = RolloutRequest(image=image, select=step.select, options=step.options)
                view = await rollouts.start(tenant, request, who)
            detail["rollout"] = view.rollout.id
            await remember()
        number = int(detail["rollout"])
        said = _judged(await rollouts.status(tenant, number))
        while said is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await changes.changed()
            said = _judged(await rollouts.status(tenant, number))
    return said


async def _begun(rollouts: Rollouts, tenant: str, who: str) -> RolloutView | None:
    """One that was begun just before the hub ended."""
    found = (one for one in await rollouts.latest(tenant) if one.rollout.created_by == who)
    return next(found, None)


def _judged(view: RolloutView) -> str | None:
    """What came of it; None while it goes on."""
    rollout = view.rollout
    states = Counter(device.state for device in view.devices.values())
    failed = [device for device in view.devices.values() if device.state is DeviceState.FAILED]
    if rollout.phase is RolloutPhase.HALTED:
        raise StepFailedError(
            f"rollout {rollout.id} halted: {rollout.reason}; go on with `dormouse rollout resume "
            f"{rollout.id}`, or end it with abort"
        )
    if not rollout.phase.over:
        return None
    if rollout.phase is RolloutPhase.ABORTED:
        raise StepFailedError(f"rollout {rollout.id} was aborted: {rollout.reason}")
    if failed:
        raise StepFailedError(
            f"rollout {rollout.id}: {count(len(failed), 'device')} failed, {failed[0].device}: "
            f"{failed[0].reason}"
        )
    skipped = states[DeviceState.SKIPPED]
    said = f"rollout {rollout.id}: {count(states[DeviceState.UPDATED], 'device')} updated"
    return f"{said}, {skipped} skipped" if skipped else said
