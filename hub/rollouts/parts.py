"""What the worker of a rollout works with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from hub.mqtt.own_devices import PublishMessage
from hub.rollouts.model import FirmwareTarget, ReportSample, Rollout
from hub.rollouts.repository import RolloutRepository
from hub.runtime.defects import Defects

__all__ = ["DeviceSettingsLike", "Slots", "WorkerParts", "command_payload"]


class DeviceSettingsLike(Protocol):
    """What is needed of hub.device_settings."""

    async def request(self, device: str, changes: Any, *, who: str = ..., why: str = ...) -> int:
        """The version under which the changes are requested. Raises HubError."""

    async def before(self, device: str, *, who: str, why: str) -> Mapping[str, Any]:
        """What was requested before that was, by `who` and for this reason; else now."""


class Slots:
    """The hub's streams as far as they are reserved: none is given to two devices."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken: set[str] = set()
        self.semaphore = asyncio.Semaphore(limit)

    @property
    def free(self) -> int:
        """How many more may be reserved."""
        return max(0, self.limit - len(self.taken))


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What a worker works with.

    `stream(device, address, image, progress)` sends an image and raises HubError; `changed` is
    called after every commit and with the progress of streams, `freed` when one has ended; faults
    of ours go to `defects`.
    """

    repository: RolloutRepository
    publish: PublishMessage
    configs: DeviceSettingsLike
    stream: Callable[[str, str | None, int, Callable[[Any], None]], Awaitable[None]]
    slots: Slots
    recent: Callable[[str], tuple[ReportSample, ...]]
    changed: Callable[[int], None]
    freed: Callable[[], None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    defects: Defects = field(default_factory=Defects)


def command_payload(rollout: Rollout, command: int) -> str:
    """`$ota` as docs/topics.md has it."""
    target = rollout.target
    if not isinstance(target, FirmwareTarget):
        raise TypeError("settings are no command on $ota")
    return json.dumps(
        {
            "id": command,
            "version": target.version,
            "board": target.board,
            "size": target.size,
            "key": target.key,
            "battery_mv": rollout.options.battery_mv,
            "downgrade": rollout.options.downgrade,
            "counter": target.counter,
        },
        separators=(",", ":"),
    )
