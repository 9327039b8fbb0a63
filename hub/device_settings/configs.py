"""One tenant's requested settings: requested, published, compared with what devices report."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from contracts import topics
from hub.database.database import TenantDatabase
from hub.device_settings.repository import SettingsRepository, SettingsVersion
from hub.device_settings.schema import SECRET, checked, split_secrets
from hub.devices.known import require_device
from hub.mqtt.errors import NotConnectedError
from hub.mqtt.own_devices import PublishMessage

__all__ = ["DeviceSettings", "SettingsState", "payload"]

_AT_ONCE = 100  # retained messages on their way to the broker


@dataclass(frozen=True, slots=True)
class SettingsState:
    """What is requested of a device and whether it runs that; secrets are masked.

    `version` is the requested one, None when nothing was ever requested. `reported` is the version
    that its last report names (None: it names none), `reported_at` when it first named the
    requested one; `problem` is what it then said was wrong with the settings.
    """

    device: str
    desired: Mapping[str, object]
    version: int | None
    desired_at: datetime | None
    reported: int | None
    reported_at: datetime | None
    problem: str | None
    who: str | None = None
    why: str | None = None

    @property
    def waiting(self) -> bool:
        """Whether something is requested that the device does not run yet."""
        if self.version is None:
            return False
        # What the device says against them is stored together with reported_at.
        return self.version != self.reported or self.reported_at is None


class DeviceSettings:
    """The requested settings of one tenant's devices.

    `publish` sends to the broker; while that is away what is requested is stored, and published by
    `publish_all` at the next connection.
    """

    def __init__(self, database: TenantDatabase, publish: PublishMessage) -> None:
        self._database = database
        self._publish = publish
        self._repository = SettingsRepository(database)
        self._locks: dict[str, asyncio.Lock] = {}
        self._loading = asyncio.Lock()
        # The requested version of devices that are not known to run it.
        self._waiting: dict[str, int] | None = None

    async def request(
        self,
        device: str,
        changes: Mapping[str, object],
        *,
        who: str = "hub",
        why: str = "settings requested",
    ) -> int:
        """Request these settings besides those requested before (None: no longer); the version.

        Nothing new is no new version. Raises ConfigError naming what is not allowed,
        DeviceUnknownError.
        """
        requested = checked(changes)
        await require_device(self._database, device)
        async with self._lock(device):
            version = await self._repository.change(
                device, lambda latest: merged(latest, requested), who=who, why=why
            )
            latest = await self._latest(device)
            if latest is not None and latest.reported_at is None:
                (await self._wait_list())[device] = version
            await self._send(latest)
        return version

    async def state(self, device: str) -> SettingsState:
        """What is requested and what runs. Raises DeviceUnknownError."""
        await require_device(self._database, device)
        return _state(device, await self._repository.history(device))

    async def history(self, device: str) -> list[SettingsVersion]:
        """Every version, newest first, without secrets."""
        return [
            replace(version, secrets=None) for version in await self._repository.history(device)
        ]

    async def before(self, device: str, *, who: str, why: str) -> Mapping[str, object]:
        """What was requested before `who` first requested something for this reason; else now."""
        history = await self._repository.history(device)
        theirs = [at for at, one in enumerate(history) if (one.who, one.why) == (who, why)]
        earlier = history[theirs[-1] + 1 :] if theirs else history
        return earlier[0].settings if earlier else {}

    async def reported(
        self, device: str, version: int | None, at: datetime, problems: Sequence[object] = ()
    ) -> bool:
        """A device's report came, naming the version it runs; secrets of that are forgotten.

        Whether it said something new of that.
        """
        if version is None:
            return False
        complaints = [str(p) for p in problems if str(p).startswith(("setting ", "wifi"))]
        # Handlers may overtake each other: a report that complains counts after another one too.
        if (await self._wait_list()).get(device) != version and not complaints:
            return False
        async with self._lock(device):
            await self._repository.reported(
                device, version, at, "; ".join(complaints)[:500] or None
            )
            waiting = await self._wait_list()
            if waiting.get(device) == version:
                del waiting[device]
            await self._send(await self._latest(device))
        return True

    async def publish_all(self) -> None:
        """Publish every device's `$config` again: the broker may have lost it, or never had it.

        Raises NotConnectedError.
        """
        latest = await self._repository.latest()
        for start in range(0, len(latest), _AT_ONCE):
            await asyncio.gather(
                *(self._send_now(version.device) for version in latest[start : start + _AT_ONCE])
            )

    async def enrolled(self, device: str) -> None:
        """It has a new account: what is requested of it, and nothing that others once did."""
        async with self._lock(device):
            latest = await self._latest(device)
            if latest is None:
                await self._withdraw(device)
            else:
                await self._send(latest)

    async def replaced(self, old: str, new: str) -> None:
        """`new` has taken the place of `old`: it is requested what was requested of `old`."""
        self._waiting = None
        await self._withdraw(old)
        async with self._lock(new):
            await self._send(await self._latest(new))

    async def _withdraw(self, device: str) -> None:
        try:
            await self._publish(topics.config(device), "", retain=True)
        except NotConnectedError:
            return  # nobody reads it: the device's account ends

    async def _send_now(self, device: str) -> None:
        # Read under the lock, so that an older version cannot overtake a newer one.
        async with self._lock(device):
            latest = await self._latest(device)
            if latest is not None:
                await self._publish(topics.config(device), payload(latest), retain=True)

    async def _send(self, version: SettingsVersion | None) -> None:
        if version is None:
            return
        try:
            await self._publish(topics.config(version.device), payload(version), retain=True)
        except NotConnectedError:
            return  # publish_all comes at the next connection

    async def _latest(self, device: str) -> SettingsVersion | None:
        versions = await self._repository.latest(device)
        return versions[0] if versions else None

    async def _wait_list(self) -> dict[str, int]:
        async with self._loading:
            if self._waiting is None:
                latest = await self._repository.latest()
                self._waiting = {v.device: v.version for v in latest if v.reported_at is None}
            return self._waiting

    def _lock(self, device: str) -> asyncio.Lock:
        return self._locks.setdefault(device, asyncio.Lock())


def merged(
    latest: SettingsVersion | None, changes: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, object] | None] | None:
    """(settings, secrets) of the next version; None when it would be the same as the latest.

    Secrets that the device does not run yet go on to the next version.
    """
    settings: dict[str, Any] = dict(latest.settings) if latest else {}
    secrets: dict[str, Any] = dict(latest.secrets or {}) if latest else {}
    public, fresh = split_secrets({k: v for k, v in changes.items() if v is not None})
    for name, value in changes.items():
        secrets.pop(name, None)
        if value is None:
            settings.pop(name, None)
    settings |= public
    secrets |= fresh or {}
    if latest is not None and fresh is None and settings == latest.settings:
        return None
    return settings, secrets or None


def payload(version: SettingsVersion) -> str:
    """`$config` as it is published: a setting with a secret only until the device runs it."""
    public = {name: value for name, value in version.settings.items() if name not in SECRET}
    return json.dumps(
        {"version": version.version, **public, **(version.secrets or {})},
        separators=(",", ":"),
        ensure_ascii=False,
    )


def _state(device: str, history: Sequence[SettingsVersion]) -> SettingsState:
    if not history:
        return SettingsState(device, {}, None, None, None, None, None)
    latest = history[0]
    return SettingsState(
        device,
        latest.settings,
        latest.version,
        latest.at,
        latest.runs,
        latest.reported_at,
        latest.problem,
        latest.who,
        latest.why,
    )
