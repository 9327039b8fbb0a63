"""`dormouse devices replace OLD NEW`, on the hub's side: history, HomeKit, settings, account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from hub.devices.replacement import NoSuchDeviceError, replace_device
from hub.errors import HubError
from hub.homekit.errors import UnknownDeviceError
from hub.mqtt.account_repository import AccountState

if TYPE_CHECKING:
    from hub.app import Hub

__all__ = ["UnfitReplacementError", "replace", "router"]

_DEVICE = r"^[A-Za-z0-9_-]{1,64}$"


class Replacement(BaseModel):
    """`new` takes the place of `old`."""

    old: str = Field(pattern=_DEVICE)
    new: str = Field(pattern=_DEVICE)
    who: str = Field("dormouse devices replace", min_length=1, max_length=100)


class UnfitReplacementError(HubError):
    """A device cannot take another's place."""


async def replace(hub: Hub, old: str, new: str, who: str) -> dict[str, Any]:
    """Let `new` take the place of `old`: history, settings, accessory; `old` is shut out.

    `apart` names what is kept of what the successor measured before. Raises
    UnfitReplacementError, NoSuchDeviceError.
    """
    tenant = hub.mqtt.tenant_of(old)
    if old == new:
        raise UnfitReplacementError(f"{old} cannot replace itself")
    if hub.mqtt.tenant_of(new) != tenant:
        raise UnfitReplacementError(f"{new} is another tenant's")
    apart = await replace_device(hub.running.store.of(tenant), old, new, who=who)
    hub.mqtt.ingest.of(tenant).forget_numbers()
    await hub.configs.of(tenant).replaced(old, new)
    await hub.runner.replaced(tenant, old)
    account = hub.mqtt.book.get(old)
    if account is not None:
        # Should it come back to life it must not write a second history unasked.
        await hub.mqtt.book.set_state(old, AccountState.DISABLED)
    in_homekit = True
    try:
        hub.bridges.running()[tenant].replace(old, new)
    except (KeyError, UnknownDeviceError):
        in_homekit = False  # it had no accessory whose place could be taken
    return {
        "old": old,
        "new": new,
        "apart": apart,
        "homekit": in_homekit,
        "shut_out": account is not None,
    }


def router(hub: Hub) -> APIRouter:
    """POST /replace."""
    routes = APIRouter()

    @routes.post("/replace")
    async def post(wanted: Replacement) -> dict[str, Any]:
        try:
            return await replace(hub, wanted.old, wanted.new, wanted.who)
        except UnfitReplacementError as error:
            raise HTTPException(409, str(error)) from None
        except NoSuchDeviceError as error:
            raise HTTPException(404, str(error)) from None

    return routes
