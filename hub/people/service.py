"""What may be done about people: by pages and by the command line alike."""

from __future__ import annotations

import secrets
from datetime import timedelta

from hub.api.scope import Role
from hub.people.errors import PasswordError, UnknownPersonError
from hub.people.limits import Attempts
from hub.people.passwords import Passwords, TooBusyError, complaint
from hub.people.repository import (
    Invitation,
    Login,
    Member,
    PeopleRepository,
    Person,
    token_hash,
)
from hub.people.sessions import LoginSessions

__all__ = ["LINK_VALID_FOR", "PeopleService"]

LINK_VALID_FOR = timedelta(hours=72)
"""How long a link can be used: over a weekend."""


class PeopleService:
    """People of all tenants, their sessions and passwords.

    `attempts` counts how often a password was tried, wherever.
    """

    def __init__(
        self, people: PeopleRepository, sessions: LoginSessions, passwords: Passwords
    ) -> None:
        self._people, self.sessions, self.passwords = people, sessions, passwords
        self.attempts = Attempts()

    async def ensure_tenant(self, name: str) -> None:
        """Make a tenant, unless there is one of that name."""
        await self._people.ensure_tenant(name)

    async def tenants(self) -> list[str]:
        """The names of all tenants."""
        return await self._people.tenants()

    async def named(self, name: str) -> Login:
        """The person of that name. Raises UnknownPersonError."""
        person = await self._people.find(name)
        if person is None:
            raise UnknownPersonError(name)
        return person

    async def everybody(self) -> list[Person]:
        """All people, by name, for who runs the hub."""
        return await self._people.everybody()

    async def members(self, tenant: str) -> list[Member]:
        """A tenant's people, by name."""
        return await self._people.members(tenant)

    async def verified(self, name: str, password: str) -> Login | None:
        """The person of that name whose password it is. Raises TooBusyError."""
        person = await self._people.find(name)
        good = await self.passwords.matches(person.password if person else None, password)
        return person if good else None

    async def renew_hash(self, person: Login, password: str) -> None:
        """Hash a password that was verified anew where its hash is of an old kind.

        Raises TooBusyError.
        """
        if self.passwords.is_old(person.password):
            await self._people.set_password(person.id, await self.passwords.hash(password))

    async def invitations(self, tenant: str) -> list[Invitation]:
        """The tenant's links that can still be used, those that end soonest first."""
        return await self._people.invitations(tenant)

    async def withdraw(self, tenant: str, invitation: int) -> bool:
        """Make a link useless; False when there is no such link."""
        return await self._people.withdraw(tenant, invitation)

    async def invitation(self, token: str) -> Invitation | None:
        """What a link offers; None when it is used, expired or unknown."""
        return await self._people.invitation(token_hash(token))

    async def join(self, token: str, person: int) -> bool:
        """Use a link up for a person; False when it is used, expired or unknown."""
        joined = await self._people.join(token_hash(token), person)
        if joined:
            await self.sessions.changed(person)
        return joined

    async def join_as_new(self, token: str, name: str, password: str) -> int | None:
        """Use a link up for somebody new: their id; 0: the name is taken; None: as invitation.

        Raises TooBusyError.
        """
        hashed = await self.passwords.hash(password)
        return await self._people.join_as_new(token_hash(token), name, hashed)

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
        await self._people.invite(tenant, token_hash(token), role, lasting, note=note, first=first)
        return f"/join/{token}"

    async def make_first_link(self, tenant: str) -> str | None:
        """As make_link, for the first administrator; None when there is an administrator."""
        if await self._people.has_administrator():
            return None
        return await self.make_link(tenant, Role.ADMINISTRATOR, note="first run", first=True)

    async def set_role(self, tenant: str, person: int, role: Role) -> bool:
        """Another role in the tenant; False when they do not see it.

        Their open pages load anew, with what they may do now. Raises LastAdministratorError.
        """
        done = await self._people.set_role(tenant, person, role)
        await self.sessions.changed(person)
        return done

    async def leave(self, tenant: str, person: int) -> bool:
        """They see the tenant no more, from now on; as set_role."""
        done = await self._people.leave(tenant, person)
        await self.sessions.changed(person)
        return done

    async def set_password(
        self, person: int, name: str, fresh: str, *, stay: int | None = None
    ) -> None:
        """Another password; every session ends but `stay`. Raises PasswordError."""
        if wrong := complaint(fresh, name):
            raise PasswordError(wrong)
        try:
            hashed = await self.passwords.hash(fresh)
        except TooBusyError:
            raise PasswordError("The hub is busy with log-ins; try again shortly.") from None
        await self._people.set_password(person, hashed)
        await self.sessions.close_all(person, keep=stay)

    async def remove(self, person: int) -> None:
        """Remove a person altogether; raises LastAdministratorError for a tenant's last one."""
        for tenant in await self._people.tenants_of(person):
            await self._people.leave(tenant, person)
        await self.sessions.close_all(person)
        await self._people.remove(person)
