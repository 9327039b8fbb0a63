"""`dormouse devices replace OLD NEW`, on the hub's side: history, HomeKit, settings, account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from hub.homekit.errors import UnknownDeviceError
from hub.store.accounts import AccountState
from hub.store.replace import NoSuchDeviceError, replace_device

if TYPE_CHECKING:
    from hub.app import Hub

__all__ = ["router"]

_DEVICE = r"^[A-Za-z0-9_-]{1,64}$"


class Replacement(BaseModel):
    """`new` takes the place of `old`."""

    old: str = Field(pattern=_DEVICE)
    new: str = Field(pattern=_DEVICE)
    who: str = Field("dormouse devices replace", min_length=1, max_length=100)


def router(hub: Hub) -> APIRouter:
    """POST /replace."""
    routes = APIRouter()

    @routes.post("/replace")
    async def replace(wanted: Replacement) -> dict[str, Any]:
        tenant = hub.mqtt.tenant_of(wanted.old)
        if wanted.old == wanted.new:
            raise HTTPException(409, f"{wanted.old} cannot replace itself")
        if hub.mqtt.tenant_of(wanted.new) != tenant:
            raise HTTPException(409, f"{wanted.new} is another tenant's")
        try:
            apart = await replace_device(
                hub.running.store, tenant, wanted.old, wanted.new, who=wanted.who
            )
        except NoSuchDeviceError as error:
            raise HTTPException(404, str(error)) from None
        hub.mqtt.ingest.of(tenant).forget_numbers()
        await hub.configs.of(tenant).replaced(wanted.old, wanted.new)
        await hub.runner.replaced(tenant, wanted.old)
        account = hub.mqtt.book.get(wanted.old)
        if account is not None:
            # Should it come back to life it must not write a second history unasked.
            await hub.mqtt.book.set_state(wanted.old, AccountState.DISABLED)
        in_homekit = True
        try:
            hub.bridges.running()[tenant].replace(wanted.old, wanted.new)
        except (KeyError, UnknownDeviceError):
            in_homekit = False  # it had no accessory whose place could be taken
        return {
            "old": wanted.old,
            "new": wanted.new,
            "apart": apart,
            "homekit": in_homekit,
            "shut_out": account is not None,
        }

    return routes
