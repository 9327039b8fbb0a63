"""What an operator may do with the HomeKit bridges of every tenant."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from hub.api.access import OPERATOR_ONLY, Operator
from hub.api.parameters import DeviceId
from hub.api.principal import Principal
from hub.homekit.errors import UnknownControllerError, UnknownDeviceError
from hub.homekit.service import HomeKitService

__all__ = ["routes"]


class PairingOut(BaseModel):
    """A bridge: how to pair with it (code, QR's text), and the ids of who has.

    `locked`: too many wrong codes were tried; it takes no more until it is unlocked.
    """

    tenant: str
    number: int
    name: str
    port: int
    pin: str
    uri: str
    controllers: list[str]
    locked: bool


class UnpairIn(BaseModel, extra="forbid"):
    """End the pairing with one controller (its id), or with all."""

    controller: str | None = None


class Unpaired(BaseModel):
    """How many pairings ended."""

    unpaired: int


class Unlocked(BaseModel):
    """How many bridges had been told wrong codes."""

    unlocked: int


class HeldBackOut(BaseModel):
    """A part of a device that Apple Home is not shown, and why."""

    device: str
    part: str
    reason: str


class HomeOut(BaseModel):
    """What Apple Home is shown of a tenant."""

    tenant: str
    bridges: list[dict[str, Any]]
    held: list[HeldBackOut]


def routes(homekit: HomeKitService) -> APIRouter:
    """The routes under /homekit.

    Where a request names no tenant all are meant.
    """
    router = APIRouter(prefix="/homekit", tags=["operator"], dependencies=[OPERATOR_ONLY])

    def meant(caller: Principal) -> list[str]:
        return [tenant for tenant in homekit.tenants() if caller.means(tenant)]

    @router.get("/pairings")
    async def pairings(caller: Operator) -> list[PairingOut]:
        """Every bridge, with its pairing code and who is paired."""
        return [
            PairingOut(
                tenant=tenant,
                number=info.number,
                name=info.name,
                port=info.port,
                pin=info.pin,
                uri=info.uri,
                controllers=list(info.controllers),
                locked=info.locked,
            )
            for tenant in meant(caller)
            for info in homekit.pairings(tenant)
        ]

    @router.post("/unpair")
    async def unpair(caller: Operator, body: UnpairIn) -> Unpaired:
        """End a pairing from this side, as when a phone was lost."""
        ended = sum([await homekit.unpair(tenant, body.controller) for tenant in meant(caller)])
        if body.controller is not None and not ended:
            raise UnknownControllerError(body.controller)
        return Unpaired(unpaired=ended)

    @router.post("/unlock")
    async def unlock(caller: Operator) -> Unlocked:
        """Take pairing codes again after a hundred wrong ones."""
        return Unlocked(unlocked=sum([await homekit.unlock(one) for one in meant(caller)]))

    @router.get("/accessories")
    async def accessories(caller: Operator) -> list[HomeOut]:
        """The accessories with their values, and what is held back and why."""
        return [
            HomeOut(
                tenant=tenant,
                bridges=homekit.accessories(tenant),
                held=[
                    HeldBackOut.model_validate(part, from_attributes=True)
                    for part in homekit.unshown(tenant)
                ],
            )
            for tenant in meant(caller)
        ]

    @router.delete("/accessories/{device}", status_code=204)
    async def remove(caller: Operator, device: DeviceId) -> None:
        """Take a device out of Apple Home; it returns when it speaks again."""
        for tenant in meant(caller):
            if await homekit.remove(tenant, device):
                return
        raise UnknownDeviceError(device)

    return router
