"""The parts of a hub that its page System tells of, and whether each is well just now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from pathlib import Path

from hub.errors import HubError
from hub.language.words import N_
from hub.runtime.disk import DiskRoom, room
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["HubPart", "part_states"]

_PATIENCE_S = 5.0


class HubPart(StrEnum):
    """What people call them, in English: translated where they are shown."""

    HUB = N_("Hub")
    DATABASE = N_("Database")
    BROKER = N_("Broker")
    HOMEKIT = N_("Apple Home")
    CLOCK = N_("Clock")
    DISK = N_("Disk")


async def part_states(
    ping: Callable[[], Awaitable[None]],
    connected: asyncio.Event,
    supervisor: Supervisor,
    data_dir: Path,
    *,
    doubtful: Callable[[], bool],
) -> Mapping[str, bool]:
    """By its name whether each is well. `ping` raises HubError while the database is away."""
    stopped = supervisor.failed()
    return {
        HubPart.HUB: not stopped - {PartRole.BRIDGE},
        HubPart.DATABASE: await _answers(ping),
        HubPart.BROKER: connected.is_set(),
        HubPart.HOMEKIT: PartRole.BRIDGE not in stopped,
        HubPart.CLOCK: not doubtful(),
        HubPart.DISK: room(data_dir) is DiskRoom.OK,
    }


async def _answers(ping: Callable[[], Awaitable[None]]) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await ping()
    except (HubError, TimeoutError):
        return False
    return True
