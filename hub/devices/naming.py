"""Calling a device something: in the hub's history, and on the device itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.homekit.values import proper_name
from hub.devices.changes import DeviceChanges
from hub.devices.overview import overview
from hub.devices.repository import DeviceRepository
from hub.homekit.model import device_name
from hub.live import LiveChange

if TYPE_CHECKING:
    from hub.app import Hub

__all__ = ["names", "rename"]


async def names(hub: Hub, tenant: str) -> dict[str, str]:
    """What devices are called, by id: by people, otherwise by themselves; some by nobody."""
    bridge = hub.bridges.running().get(tenant)
    shown = bridge.names() if bridge else {}
    # Apple Home must call a device something: a name made of its id is none.
    own = {device: name for device, name in shown.items() if name != device_name(device)}
    return {**own, **await DeviceRepository(hub.running.store.of(tenant)).names()}


async def rename(hub: Hub, tenant: str, device: str, name: str, who: str) -> None:
    """Name a device, `""`: not any more; who did it stands in its history.

    One with our firmware is told too, at its next wake, since Apple Home shows what a device calls
    itself. Raises StoreError leaves.
    """
    store = hub.running.store
    await DeviceChanges(store.of(tenant), who).name(device, name)
    bridge = hub.bridges.running().get(tenant)
    own = bridge.names().get(device) if bridge else None
    wanted = name.strip()
    # What Apple Home would refuse as a name is one here all the same.
    if wanted != own and proper_name(wanted) and await _is_ours(hub, tenant, device):
        await hub.configs.of(tenant).want(device, {"name": wanted}, who=who, why="named it")
    hub.live.publish(tenant, LiveChange("device", device))


async def _is_ours(hub: Hub, tenant: str, device: str) -> bool:
    """Whether its firmware reads `$config`: it enrolled by itself, or has reported as ours does."""
    account = hub.mqtt.book.get(device)
    if account is not None and account.firmware:
        return True
    found = await overview(hub.running.store.of(tenant), [device])
    return bool(found and (found[0].report or {}).get("boot"))
