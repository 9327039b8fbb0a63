"""What the command line may say about people, over the control socket."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from hub.errors import HubError
from hub.people import changes
from hub.people.link import link
from hub.people.repository import Login, Role

if TYPE_CHECKING:
    from hub.app import Hub

__all__ = ["first_link", "router"]


class Invite(BaseModel):
    """A link for somebody to join a tenant, which is made if there is none of that name."""

    tenant: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    role: Role = Role.ADMINISTRATOR
    hours: float = Field(changes.LASTING / timedelta(hours=1), gt=0, le=30 * 24)
    note: str = Field("", max_length=100)


class Named(BaseModel):
    """A person."""

    name: str


class Leave(Named):
    """A person and the tenant they shall see no more."""

    tenant: str | None = None


class Grant(Leave):
    """Another role in a tenant."""

    role: Role


class Password(Named):
    """Another password."""

    password: str


def _link(hub: Hub, path: str) -> str:
    return link(hub.settings.host, hub.facts["http_port"], path)


async def first_link(hub: Hub) -> str | None:
    """A one-time link for the first administrator; None when there is an administrator."""
    if await hub.site.people.has_administrator():
        return None
    made = await changes.make_link(
        hub.site, hub.settings.tenant, Role.ADMINISTRATOR, note="first run", first=True
    )
    return _link(hub, made)


def router(hub: Hub) -> APIRouter:
    """The routes under /people."""
    routes = APIRouter(prefix="/people")
    steps = _Steps(hub)
    routes.get("")(steps.list)
    routes.post("/first")(steps.first)
    routes.post("/invite")(steps.invite)
    routes.post("/role")(steps.role)
    routes.post("/leave")(steps.leave)
    routes.post("/password")(steps.password)
    routes.post("/logout")(steps.logout)
    routes.post("/remove")(steps.remove)
    return routes


class _Steps:
    """What the routes do."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def list(self) -> list[dict[str, Any]]:
        return [
            {"name": person.name, "roles": person.roles, "since": person.created_at.isoformat()}
            for person in await self._hub.site.people.everybody()
        ]

    async def first(self) -> dict[str, Any]:
        return {"url": await first_link(self._hub)}

    async def invite(self, wanted: Invite) -> dict[str, Any]:
        hub = self._hub
        tenant = wanted.tenant or hub.settings.tenant
        await hub.running.store.ensure_tenant(tenant)
        path = await changes.make_link(
            hub.site, tenant, wanted.role, note=wanted.note, lasting=timedelta(hours=wanted.hours)
        )
        return {"path": path, "url": _link(hub, path)}

    async def role(self, wanted: Grant) -> dict[str, Any]:
        person = await self._find(wanted.name)
        tenant = wanted.tenant or self._hub.settings.tenant
        if not await _told(changes.set_role(self._hub.site, tenant, person.id, wanted.role)):
            raise HTTPException(404, f"{person.name} does not see {tenant}: make an invitation")
        return {}

    async def leave(self, wanted: Leave) -> dict[str, Any]:
        person = await self._find(wanted.name)
        tenant = wanted.tenant or self._hub.settings.tenant
        if not await _told(changes.leave(self._hub.site, tenant, person.id)):
            raise HTTPException(404, f"{person.name} does not see {tenant}")
        return {}

    async def password(self, wanted: Password) -> dict[str, Any]:
        person = await self._find(wanted.name)
        await _told(changes.set_password(self._hub.site, person.id, person.name, wanted.password))
        return {}

    async def logout(self, wanted: Named) -> dict[str, Any]:
        await self._hub.site.sessions.close_all((await self._find(wanted.name)).id)
        return {}

    async def remove(self, wanted: Named) -> dict[str, Any]:
        await _told(changes.remove(self._hub.site, (await self._find(wanted.name)).id))
        return {}

    async def _find(self, name: str) -> Login:
        found = await self._hub.site.people.find(name)
        if found is None:
            raise HTTPException(404, f"there is nobody called {name!r}")
        return found


async def _told(step: Any) -> Any:
    """What a step gives; what it refuses is told to the command line in its words."""
    try:
        return await step
    except HubError as error:
        raise HTTPException(409, str(error)) from None
