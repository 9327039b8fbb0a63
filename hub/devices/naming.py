"""Calling a device something: in the hub's history, and on the device itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from contracts.homekit.values import clean_name
from hub.database.database import Database
from hub.devices.changes import DeviceChanges
from hub.devices.overview import overview
from hub.devices.repository import DeviceRepository
from hub.homekit.model import device_name
from hub.homekit.service import HomeKitService
from hub.live import Live, LiveChange
from hub.mqtt.accounts import AccountBook

__all__ = ["ChangeSettings", "Naming"]


class ChangeSettings(Protocol):
    """hub.device_settings.service.SettingsService.change."""

    async def __call__(
        self, tenant: str, device: str, changes: Mapping[str, object], *, who: str, why: str
    ) -> object:
        """Have a device set up so at its next wake."""
        ...


class Naming:
    """What the devices of all tenants are called, by people or by themselves."""

    def __init__(
        self,
        store: Database,
        live: Live,
        *,
        homekit: HomeKitService,
        accounts: AccountBook,
        change_settings: ChangeSettings,
    ) -> None:
        self._store, self._live = store, live
        self._homekit, self._accounts = homekit, accounts
        self._change_settings = change_settings

    async def names(self, tenant: str) -> dict[str, str]:
        """What devices are called, by id: by people, otherwise by themselves; some by nobody."""
        own_names = self._homekit.names(tenant)
        # Apple Home must call a device something: a name made of its id is none.
        own = {device: name for device, name in own_names.items() if name != device_name(device)}
        return {**own, **await DeviceRepository(self._store.of(tenant)).names()}

    async def rename(self, tenant: str, device: str, name: str, who: str) -> None:
        """Name a device, `""`: not any more; who did it stands in its history.

        One with our firmware is told too, at its next wake, since Apple Home shows what a device
        calls itself. Raises DatabaseError leaves.
        """
        await DeviceChanges(self._store.of(tenant), who).name(device, name)
        own = self._homekit.names(tenant).get(device)
        name, shown = name.strip(), clean_name(name)
        # What Apple Home would refuse as a name is one here all the same; it shows what it takes.
        if shown and shown != own and await self._is_ours(tenant, device):
            await self._change_settings(tenant, device, {"name": name}, who=who, why="named it")
        self._live.publish(tenant, LiveChange("device", device))

    async def _is_ours(self, tenant: str, device: str) -> bool:
        """Whether its firmware reads `$config`: it enrolled by itself, or reported as ours does."""
        account = self._accounts.get(device)
        if account is not None and account.firmware:
            return True
        devices = await overview(self._store.of(tenant), [device])
        return bool(devices and (devices[0].report or {}).get("boot"))
