"""What the command line may ask about accounts and enrolment, over the control socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from hub.mqtt.access import is_viewer
from hub.mqtt.account_repository import Account, AccountState
from hub.mqtt.errors import AccountError
from hub.mqtt.service import Mqtt

__all__ = ["router"]


class Window(BaseModel):
    """Let devices enrol for some minutes; 0 closes the window."""

    minutes: float = Field(ge=0, le=7 * 24 * 60)
    tenant: str | None = None


class Add(BaseModel):
    """An account by hand; without a password one is made."""

    tenant: str | None = None
    password: str | None = Field(None, min_length=16, max_length=128, pattern=r"^[!-~]+$")


class Renew(BaseModel):
    """Let a device enrol once more with a new password, for some minutes."""

    minutes: float = Field(60, gt=0, le=7 * 24 * 60)


def router(mqtt: Callable[[], Mqtt]) -> APIRouter:
    """The routes under /devices; `mqtt` gives the running MQTT side."""
    routes = APIRouter(prefix="/devices")
    steps = _Steps(mqtt)

    @routes.get("")
    async def devices() -> dict[str, Any]:
        return steps.list()

    @routes.post("/window")
    async def window(wanted: Window) -> dict[str, Any]:
        return await steps.window(wanted)

    @routes.post("/{name}/{action}")
    async def act(name: str, action: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return await steps.act(name, action, body or {})

    return routes


class _Steps:
    """What the routes do."""

    def __init__(self, mqtt: Callable[[], Mqtt]) -> None:
        self._mqtt = mqtt

    def list(self) -> dict[str, Any]:
        mqtt = self._mqtt()
        window = mqtt.gate.window
        return {
            "enrolment": mqtt.gate.mode,
            "window": {"tenant": window[0], "seconds": round(window[1])} if window else None,
            "accounts": [_account(mqtt, account) for account in mqtt.book.all()],
            "asking": [
                {"name": c.device, "model": c.model, "firmware": c.firmware}
                for c in mqtt.enroller.candidates()
            ],
            "refused": {k: v for k, v in mqtt.problems.total.items() if k.startswith("enrol-")},
        }

    async def window(self, wanted: Window) -> dict[str, Any]:
        mqtt = self._mqtt()
        tenant = await self._tenant(wanted.tenant)
        if wanted.minutes:
            mqtt.gate.open_window(tenant, wanted.minutes)
        else:
            mqtt.gate.close_window()
        return {"tenant": tenant, "minutes": wanted.minutes}

    async def act(self, name: str, action: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._act(name, action, body)
        except AccountError as error:
            raise HTTPException(409, str(error)) from None
        except ValueError as error:  # pydantic's; it names the member and the bound
            raise HTTPException(422, str(error)) from None

    async def _act(self, name: str, action: str, body: dict[str, Any]) -> dict[str, Any]:
        mqtt = self._mqtt()
        match action:
            case "add":
                add = Add.model_validate(body)
                tenant = await self._tenant(add.tenant)
                return {"password": await mqtt.book.provision(name, tenant, add.password)}
            case "approve":
                tenant = await self._tenant(Add.model_validate(body).tenant)
                await mqtt.enroller.approve(name, tenant)
            case "disable":
                await mqtt.book.set_state(name, AccountState.DISABLED)
            case "enable":
                await mqtt.book.set_state(name, AccountState.ACTIVE)
            case "renew":
                mqtt.enroller.allow_renewal(name, Renew.model_validate(body).minutes)
            case "rotate":
                password = await mqtt.book.rotate(name)
                # Who writes it on the device holds the device at its prompt meanwhile.
                mqtt.forget_clock(name)
                return {"password": password}
            case "remove":
                await mqtt.book.remove(name)
                mqtt.problems.forget(name)
            case _:
                raise HTTPException(404, f"there is no action {action!r}")
        return {}

    async def _tenant(self, name: str | None) -> str:
        mqtt = self._mqtt()
        if name is None:
            return mqtt.default_tenant
        if name not in await mqtt.tenants():
            raise HTTPException(404, f"there is no tenant {name!r}")
        return name


def _account(mqtt: Mqtt, account: Account) -> dict[str, Any]:
    problems = mqtt.problems.of(account.device)
    return {
        "name": account.device,
        "role": "viewer" if is_viewer(account.device) else "device",
        "tenant": account.tenant,
        "state": account.state,
        "model": account.model,
        "firmware": account.firmware,
        "created": account.created_at.isoformat() if account.created_at else None,
        "problems": {kind: seen.count for kind, seen in problems.items()},
    }
