"""People: names, password hashes, roles in tenants, invitations, sessions.

A person belongs to no tenant; these functions of the database are the only way to the tables.
Tokens (of sessions and invitations) are known here by their SHA-256 alone.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import class_row

from hub.api.scope import Role
from hub.database.database import Database
from hub.database.errors import DatabaseError
from hub.database.queries import Queries, Query

__all__ = [
    "Invitation",
    "LastAdministratorError",
    "Login",
    "Member",
    "OpenSession",
    "PeopleRepository",
    "Person",
    "SessionIdentity",
    "login_name",
    "token_hash",
]

_QUERIES = Queries.of("hub.people")


class LastAdministratorError(DatabaseError):
    """This is the tenant's last administrator: make somebody else one first."""


@dataclass(frozen=True, slots=True)
class Login:
    """A person with what a password is compared with."""

    id: int
    name: str
    password: str


@dataclass(frozen=True)
class Person:
    """A person and the roles by tenant."""

    id: int
    name: str
    created_at: datetime
    roles: Mapping[str, Role]

    def __post_init__(self) -> None:
        _as_roles(self)


@dataclass(frozen=True)
class Member:
    """A person as one tenant sees them; `used_at`: when they last looked."""

    id: int
    name: str
    role: Role
    since: datetime
    used_at: datetime | None

    def __post_init__(self) -> None:
        _as_roles(self)


@dataclass(frozen=True)
class Invitation:
    """What a link offers; `id` only where a tenant's invitations are listed."""

    tenant: str
    role: Role
    note: str
    first: bool
    expires_at: datetime
    id: int | None = None

    def __post_init__(self) -> None:
        _as_roles(self)


@dataclass(frozen=True)
class SessionIdentity:
    """Whose session it is; `tenant` is the one looked at, as the session has it.

    `language`: what they chose to read, None: as their browser asks.
    """

    id: int
    person_id: int
    person: str
    tenant: str | None
    roles: Mapping[str, Role]
    language: str | None = None

    def __post_init__(self) -> None:
        _as_roles(self)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One of a person's log-ins."""

    id: int
    agent: str
    created_at: datetime
    used_at: datetime


def _as_roles(row: Person | Member | Invitation | SessionIdentity) -> None:
    """The database gives text where a role is meant."""
    if isinstance(row, Person | SessionIdentity):
        object.__setattr__(row, "roles", {name: Role(role) for name, role in row.roles.items()})
    else:
        object.__setattr__(row, "role", Role(row.role))


def token_hash(token: str) -> bytes:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).digest()


def login_name(name: str) -> str:
    """A name as it is compared: neither case nor a font's variants make another person."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


class PeopleRepository:
    """People of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ensure_tenant(self, name: str) -> None:
        """Make a tenant, unless there is one of that name."""
        await self._database.ensure_tenant(name)

    async def tenants(self) -> list[str]:
        """The names of all tenants."""
        return await self._database.tenants()

    async def find(self, name: str) -> Login | None:
        """The person of that name."""
        async with (
            self._database.nobody() as conn,
            conn.cursor(row_factory=class_row(Login)) as rows,
        ):
            await rows.execute(_QUERIES["find_person"], [login_name(name)])
            return await rows.fetchone()

    async def everybody(self) -> list[Person]:
        """All people, by name, for who runs the hub."""
        async with (
            self._database.nobody() as conn,
            conn.cursor(row_factory=class_row(Person)) as rows,
        ):
            await rows.execute(_QUERIES["everybody"])
            return await rows.fetchall()

    async def tenants_of(self, person: int) -> list[str]:
        """The tenants that a person sees."""
        return [
            tenant
            for one in await self.everybody()
            if one.id == person
            for tenant in sorted(one.roles)
        ]

    async def has_administrator(self) -> bool:
        """Whether any tenant has an administrator."""
        return bool(await self._value(_QUERIES["has_administrator"]))

    async def set_password(self, person: int, password: str) -> None:
        """Another password's hash."""
        await self._value(_QUERIES["set_password"], person, password)

    async def set_language(self, person: int, language: str | None) -> None:
        """Another language to read; None: as their browser asks."""
        await self._value(_QUERIES["set_language"], person, language)

    async def remove(self, person: int) -> None:
        """Remove a person with all their sessions and memberships."""
        await self._value(_QUERIES["remove_person"], person)

    async def members(self, tenant: str) -> list[Member]:
        """A tenant's people, by name."""
        async with (
            self._database.of(tenant).transaction() as conn,
            conn.cursor(row_factory=class_row(Member)) as rows,
        ):
            await rows.execute(_QUERIES["members"])
            return await rows.fetchall()

    async def set_role(self, tenant: str, person: int, role: Role) -> bool:
        """Another role; False when they are not the tenant's. Raises LastAdministratorError."""
        return await self._change(
            tenant,
            _QUERIES["set_role"],
            {"person": person, "role": role},
        )

    async def leave(self, tenant: str, person: int) -> bool:
        """The person sees the tenant no more; as set_role."""
        return await self._change(
            tenant,
            _QUERIES["leave_tenant"],
            {"person": person},
        )

    async def invite(
        self,
        tenant: str,
        hashed: bytes,
        role: Role,
        lasting: timedelta,
        *,
        note: str = "",
        first: bool = False,
    ) -> None:
        """Remember a link's hash."""
        async with self._database.of(tenant).transaction() as conn:
            await conn.execute(_QUERIES["invite"], [hashed, role, note, lasting, first])

    async def invitations(self, tenant: str) -> list[Invitation]:
        """The tenant's links that can still be used, those that end soonest first."""
        async with (
            self._database.of(tenant).transaction() as conn,
            conn.cursor(row_factory=class_row(Invitation)) as rows,
        ):
            await rows.execute(
                _QUERIES["invitations"],
                [tenant],
            )
            return await rows.fetchall()

    async def withdraw(self, tenant: str, invitation: int) -> bool:
        """Make a link useless; False when there is no such link."""
        async with self._database.of(tenant).transaction() as conn:
            gone = await conn.execute(_QUERIES["withdraw_invitation"], [invitation])
            return gone.rowcount == 1

    async def invitation(self, hashed: bytes) -> Invitation | None:
        """What a link offers; None when it is used, expired or unknown."""
        async with (
            self._database.nobody() as conn,
            conn.cursor(row_factory=class_row(Invitation)) as rows,
        ):
            await rows.execute(_QUERIES["find_invitation"], [hashed])
            return await rows.fetchone()

    async def join(self, hashed: bytes, person: int) -> bool:
        """Use a link up for a person; False when it is used, expired or unknown."""
        return bool(await self._value(_QUERIES["join_tenant"], hashed, person))

    async def join_as_new(self, hashed: bytes, name: str, password: str) -> int | None:
        """Use a link up for somebody new: their id; 0: the name is taken; None: as invitation."""
        person_id: int | None = await self._value(
            _QUERIES["join_as_new"], hashed, login_name(name), name, password
        )
        return person_id

    async def open_session(
        self, hashed: bytes, person: int, tenant: str | None, agent: str, lasting: timedelta
    ) -> int:
        """Remember a session; its id."""
        query = _QUERIES["open_session"]
        return int(await self._value(query, hashed, person, tenant, agent, lasting))

    async def session(self, hashed: bytes, idle: timedelta) -> SessionIdentity | None:
        """Whose session it is; None for one that has ended, or was not used for `idle`."""
        async with (
            self._database.nobody() as conn,
            conn.cursor(row_factory=class_row(SessionIdentity)) as rows,
        ):
            await rows.execute(_QUERIES["find_session"], [hashed, idle])
            return await rows.fetchone()

    async def look_at(self, session: int, tenant: str) -> bool:
        """Change the tenant looked at; False for one that the person does not see."""
        return bool(await self._value(_QUERIES["look_at_tenant"], session, tenant))

    async def sessions(self, person: int) -> list[OpenSession]:
        """A person's log-ins, the last used first."""
        async with (
            self._database.nobody() as conn,
            conn.cursor(row_factory=class_row(OpenSession)) as rows,
        ):
            await rows.execute(_QUERIES["sessions_of_person"], [person])
            return await rows.fetchall()

    async def still_open(self, sessions: Collection[int], idle: timedelta) -> set[int]:
        """Which of these sessions go on; they count as used now."""
        async with self._database.nobody() as conn:
            rows = await conn.execute(_QUERIES["sessions_still_open"], [list(sessions), idle])
            return {row[0] for row in await rows.fetchall()}

    async def close_sessions(
        self, person: int, *, only: int | None = None, keep: int | None = None
    ) -> list[int]:
        """End the session `only` of a person, or all but `keep`; the ids of those that ended."""
        async with self._database.nobody() as conn:
            rows = await conn.execute(_QUERIES["close_sessions"], [person, only, keep])
            return [row[0] for row in await rows.fetchall()]

    async def _change(self, tenant: str, statement: Query, values: dict[str, object]) -> bool:
        async with self._database.of(tenant).transaction() as conn:
            # Two administrators who remove each other at once: one of them must wait.
            roles = await conn.execute(_QUERIES["hold_roles"])
            before = await roles.fetchall()
            changed = await conn.execute(statement, values)
            roles = await conn.execute(_QUERIES["roles"])
            if (Role.ADMINISTRATOR,) in before and (
                (Role.ADMINISTRATOR,) not in await roles.fetchall()
            ):
                raise LastAdministratorError
            return changed.rowcount == 1

    async def _value(self, query: Query, *values: object) -> Any:
        async with self._database.nobody() as conn:
            row = await (await conn.execute(query, values)).fetchone()
        return row[0] if row else None
