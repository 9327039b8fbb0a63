"""People and tenants of the whole hub: what an operator may do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from hub.api.access import OPERATOR_ONLY, Operator
from hub.api.scope import Role
from hub.people.errors import NotAMemberError
from hub.people.service import LINK_VALID_FOR, PeopleService

__all__ = ["routes"]

NewTenant = Annotated[
    str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="the tenant's name")
]


class PersonOut(BaseModel):
    """A person, their roles by tenant, and since when there is an account."""

    name: str
    roles: dict[str, Role]
    since: datetime


class Named(BaseModel, extra="forbid"):
    """A person."""

    name: str


class RoleIn(Named):
    """Another role in the tenant."""

    role: Role


class PasswordIn(Named):
    """Another password."""

    password: str


class InvitationIn(BaseModel, extra="forbid"):
    """A link for somebody to join the tenant; `note` says whom it is for."""

    role: Role = Role.ADMINISTRATOR
    hours: float = Field(LINK_VALID_FOR / timedelta(hours=1), gt=0, le=30 * 24)
    note: str = Field("", max_length=100)


class InvitationOut(BaseModel):
    """A link, shown this once: whoever has it can use it once."""

    path: str
    url: str


class FirstLink(BaseModel):
    """The first administrator's link; null where there is an administrator."""

    url: str | None


def routes(people: PeopleService, *, tenant: str, url: Callable[[str], str]) -> APIRouter:
    """The routes under /people, /invitations and /tenants.

    `tenant` is the hub's own, `url` gives the address at which a browser finds a path.
    """
    router = APIRouter(tags=["operator"], dependencies=[OPERATOR_ONLY])
    steps = _Steps(people, tenant, url)
    router.put("/tenants/{name}", status_code=204)(steps.make_tenant)
    router.get("/people")(steps.everybody)
    router.post("/people/first")(steps.first)
    router.post("/people/role", status_code=204)(steps.role)
    router.post("/people/leave", status_code=204)(steps.leave)
    router.post("/people/password", status_code=204)(steps.password)
    router.post("/people/logout", status_code=204)(steps.logout)
    router.post("/people/remove", status_code=204)(steps.remove)
    router.post("/invitations", status_code=201)(steps.invite)
    return router


class _Steps:
    """What the routes do."""

    def __init__(self, people: PeopleService, tenant: str, url: Callable[[str], str]) -> None:
        self._people = people
        self._own, self._url = tenant, url

    async def make_tenant(self, name: NewTenant) -> None:
        """Make a tenant, unless there is one of that name."""
        await self._people.ensure_tenant(name)

    async def everybody(self) -> list[PersonOut]:
        """The people of all tenants, by name."""
        return [
            PersonOut(name=person.name, roles=dict(person.roles), since=person.created_at)
            for person in await self._people.everybody()
        ]

    async def first(self) -> FirstLink:
        """A one-time link for the first administrator of all."""
        path = await self._people.make_first_link(self._own)
        return FirstLink(url=path and self._url(path))

    async def invite(self, caller: Operator, body: InvitationIn) -> InvitationOut:
        """A link with which somebody joins the tenant."""
        path = await self._people.make_link(
            caller.tenant, body.role, note=body.note, lasting=timedelta(hours=body.hours)
        )
        return InvitationOut(path=path, url=self._url(path))

    async def role(self, caller: Operator, body: RoleIn) -> None:
        """Give a person another role in the tenant."""
        person = await self._people.named(body.name)
        if not await self._people.set_role(caller.tenant, person.id, body.role):
            raise NotAMemberError(person.name, caller.tenant, ": make an invitation")

    async def leave(self, caller: Operator, body: Named) -> None:
        """Let a person see the tenant no more; open pages close at once."""
        person = await self._people.named(body.name)
        if not await self._people.leave(caller.tenant, person.id):
            raise NotAMemberError(person.name, caller.tenant)

    async def password(self, body: PasswordIn) -> None:
        """Give a person another password; they are logged out everywhere."""
        person = await self._people.named(body.name)
        await self._people.set_password(person.id, person.name, body.password)

    async def logout(self, body: Named) -> None:
        """Log a person out everywhere; open pages close at once."""
        await self._people.sessions.close_all((await self._people.named(body.name)).id)

    async def remove(self, body: Named) -> None:
        """Remove a person altogether."""
        await self._people.remove((await self._people.named(body.name)).id)
