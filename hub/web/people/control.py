"""What the command line may say about people, over the control socket."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from hub.store.people import Login, Role, token_hash
from hub.web.people.passwords import complaint

if TYPE_CHECKING:
    from hub.app import Hub

__all__ = ["invite", "router"]

FIRST_HOURS = 72
"""How long the link lasts that a hub without people prints: over a weekend."""


class Invite(BaseModel):
    """A link for somebody to join a tenant, which is made if there is none of that name."""

    tenant: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    role: Role = Role.ADMINISTRATOR
    hours: float = Field(FIRST_HOURS, gt=0, le=30 * 24)
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


async def invite(hub: Hub, wanted: Invite, *, first: bool = False) -> str:
    """The path of a new link; only its hash is kept."""
    tenant = wanted.tenant or hub.settings.tenant
    await hub.running.store.ensure_tenant(tenant)
    token = secrets.token_urlsafe(24)
    await hub.site.people.invite(
        tenant, token_hash(token), wanted.role, timedelta(hours=wanted.hours),
        note=wanted.note, first=first,
    )  # fmt: skip
    return f"/join/{token}"


def router(hub: Hub) -> APIRouter:
    """The routes under /people."""
    routes = APIRouter(prefix="/people")
    steps = _Steps(hub)

    @routes.get("")
    async def people() -> list[dict[str, Any]]:
        return [
            {"name": person.name, "roles": person.roles, "since": person.created_at.isoformat()}
            for person in await hub.site.people.everybody()
        ]

    @routes.post("/invite")
    async def invitation(wanted: Invite) -> dict[str, Any]:
        return {"path": await invite(hub, wanted), "port": hub.facts["http_port"]}

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

    async def role(self, wanted: Grant) -> dict[str, Any]:
        person = await self._find(wanted.name)
        tenant = wanted.tenant or self._hub.settings.tenant
        if not await self._hub.site.people.set_role(tenant, person.id, wanted.role):
            raise HTTPException(404, f"{person.name} does not see {tenant}: make an invitation")
        await self._hub.site.sessions.changed(person.id)
        return {}

    async def leave(self, wanted: Leave) -> dict[str, Any]:
        person = await self._find(wanted.name)
        tenant = wanted.tenant or self._hub.settings.tenant
        if not await self._hub.site.people.leave(tenant, person.id):
            raise HTTPException(404, f"{person.name} does not see {tenant}")
        await self._hub.site.sessions.changed(person.id)
        return {}

    async def password(self, wanted: Password) -> dict[str, Any]:
        person = await self._find(wanted.name)
        if wrong := complaint(wanted.password, person.name):
            raise HTTPException(422, wrong)
        site = self._hub.site
        await site.people.set_password(person.id, await site.passwords.hash(wanted.password))
        await site.sessions.close_all(person.id)
        return {}

    async def logout(self, wanted: Named) -> dict[str, Any]:
        await self._hub.site.sessions.close_all((await self._find(wanted.name)).id)
        return {}

    async def remove(self, wanted: Named) -> dict[str, Any]:
        person = await self._find(wanted.name)
        await self._hub.site.sessions.close_all(person.id)
        await self._hub.site.people.remove(person.id)
        return {}

    async def _find(self, name: str) -> Login:
        found = await self._hub.site.people.find(name)
        if found is None:
            raise HTTPException(404, f"there is nobody called {name!r}")
        return found
