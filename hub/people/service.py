"""What may be done about people: by pages and by the command line alike."""

from __future__ import annotations

import secrets
from datetime import timedelta

from hub.api.scope import Role
from hub.people.errors import PasswordError, UnknownPersonError
from hub.people.passwords import Passwords, TooBusyError, complaint
from hub.people.repository import Login, PeopleRepository, token_hash
from hub.people.sessions import LoginSessions

__all__ = ["LINK_VALID_FOR", "PeopleService"]

LINK_VALID_FOR = timedelta(hours=72)
"""How long a link can be used: over a weekend."""


class PeopleService:
    """People of all tenants, their sessions and passwords."""

    def __init__(
        self, people: PeopleRepository, sessions: LoginSessions, passwords: Passwords
    ) -> None:
        self.people, self.sessions, self.passwords = people, sessions, passwords

    async def named(self, name: str) -> Login:
        """The person of that name. Raises UnknownPersonError."""
        person = await self.people.find(name)
        if person is None:
            raise UnknownPersonError(name)
        return person

    async def make_link(
        self,
        tenant: str,
        role: Role,
        *,
        note: str = "",
        lasting: timedelta = LINK_VALID_FOR,
        first: bool = False,
    ) -> str:
        """The path of a new one-time link; only its hash is kept."""
        token = secrets.token_urlsafe(24)
        await self.people.invite(tenant, token_hash(token), role, lasting, note=note, first=first)
        return f"/join/{token}"

    async def make_first_link(self, tenant: str) -> str | None:
        """As make_link, for the first administrator; None when there is an administrator."""
        if await self.people.has_administrator():
            return None
        return await self.make_link(tenant, Role.ADMINISTRATOR, note="first run", first=True)

    async def set_role(self, tenant: str, person: int, role: Role) -> bool:
        """Another role in the tenant; False when they do not see it.

        Their open pages load anew, with what they may do now. Raises LastAdministratorError.
        """
        done = await self.people.set_role(tenant, person, role)
        await self.sessions.changed(person)
        return done

    async def leave(self, tenant: str, person: int) -> bool:
        """They see the tenant no more, from now on; as set_role."""
        done = await self.people.leave(tenant, person)
        await self.sessions.changed(person)
        return done

    async def set_password(
        self, person: int, name: str, fresh: str, *, keep_session: int | None = None
    ) -> None:
        """Another password; every session ends but `keep_session`. Raises PasswordError."""
        if wrong := complaint(fresh, name):
            raise PasswordError(wrong)
        try:
            hashed = await self.passwords.hash(fresh)
        except TooBusyError:
            raise PasswordError("The hub is busy with log-ins; try again shortly.") from None
        await self.people.set_password(person, hashed)
        await self.sessions.close_all(person, keep=keep_session)

    async def remove(self, person: int) -> None:
        """Remove a person altogether; raises LastAdministratorError for a tenant's last one."""
        for tenant in await self.people.tenants_of(person):
            await self.people.leave(tenant, person)
        await self.sessions.close_all(person)
        await self.people.remove(person)
