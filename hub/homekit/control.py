"""What the command line may ask of the HomeKit bridges, over the control socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from hub.homekit.bridge import Bridge
from hub.homekit.errors import UnknownDeviceError

__all__ = ["router"]


class Unpair(BaseModel):
    """End the pairing with one controller (its id), or with all."""

    controller: str | None = None


class Remove(BaseModel):
    """Take a device out of HomeKit."""

    device: str


class _Which:
    """The bridge sets a request means. Raises 404 where there is none."""

    def __init__(self, bridges: Callable[[], Mapping[str, Bridge]]) -> None:
        self._bridges = bridges

    def of(self, tenant: str | None) -> list[tuple[str, Bridge]]:
        running = self._bridges()
        if tenant is not None and tenant not in running:
            raise HTTPException(404, f"there is no tenant {tenant!r}")
        return [(name, bridge) for name, bridge in running.items() if tenant in (None, name)]

    def with_device(self, device: str, tenant: str | None) -> Bridge:
        for _, bridge in self.of(tenant):
            if bridge.has(device):
                return bridge
        raise HTTPException(404, str(UnknownDeviceError(device)))


def router(bridges: Callable[[], Mapping[str, Bridge]]) -> APIRouter:
    """The routes under /homekit; `bridges` has the running bridge set of each tenant.

    Every route takes `tenant` as a query parameter; left out, all tenants are meant, or the
    device's own.
    """
    routes = APIRouter(prefix="/homekit")
    which = _Which(bridges)

    @routes.get("/pairings")
    def pairings(tenant: str | None = None) -> list[dict[str, Any]]:
        return [
            {"tenant": name, **asdict(info)}
            for name, bridge in which.of(tenant)
            for info in bridge.pairings()
        ]

    @routes.post("/unpair")
    async def unpair(body: Unpair, tenant: str | None = None) -> dict[str, int]:
        ended = sum(bridge.unpair(body.controller) for _, bridge in which.of(tenant))
        if body.controller is not None and not ended:
            raise HTTPException(404, f"no controller {body.controller!r} is paired")
        return {"unpaired": ended}

    @routes.get("/accessories")
    async def accessories(tenant: str | None = None) -> list[dict[str, Any]]:
        return [
            {
                "tenant": name,
                "bridges": bridge.accessories(),
                "held": [asdict(held) for held in bridge.held()],
            }
            for name, bridge in which.of(tenant)
        ]

    @routes.post("/remove")
    async def remove(body: Remove, tenant: str | None = None) -> dict[str, str]:
        which.with_device(body.device, tenant).remove(body.device)
        return {"removed": body.device}

    return routes
