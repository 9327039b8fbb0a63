"""Sessions: a random token in the browser, its hash in the database."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from datetime import timedelta

from hub.api.principal import Principal
from hub.api.scope import ROLE_SCOPES
from hub.people.repository import OpenSession, PeopleRepository, SessionIdentity, token_hash

__all__ = ["LASTING", "LoginSessions"]

LASTING = timedelta(days=90)
"""After this a person logs in again, however often they looked."""

IDLE = timedelta(days=30)
"""After so long without a look (a tablet on the wall looks all the time)."""

# A page asks for some twenty files at once; who it is need not be looked up for each.
_REMEMBERED_S = 5.0


class LoginSessions:
    """Opens, finds and ends sessions; `on_end` is called for each that ends or changes its role."""

    def __init__(self, people: PeopleRepository) -> None:
        self._people = people
        self._principals: dict[bytes, tuple[float, Principal]] = {}
        self._changes = 0
        self._on_end: list[Callable[[set[int]], None]] = []

    def on_end(self, listener: Callable[[set[int]], None]) -> None:
        """Have `listener` called with the ids of sessions whose open pages must close."""
        self._on_end.append(listener)

    async def open(self, person: int, tenant: str | None, agent: str) -> str:
        """A new session's token."""
        token = secrets.token_urlsafe(32)
        await self._people.open_session(token_hash(token), person, tenant, agent[:200], LASTING)
        return token

    async def principal(self, token: str) -> Principal | None:
        """Whose session it is; None when it is nobody's, or they see no tenant any more."""
        hashed = token_hash(token)
        now = time.monotonic()
        remembered = self._principals.get(hashed)
        if remembered is not None and now - remembered[0] < _REMEMBERED_S:
            return remembered[1]
        before = self._changes
        session = await self._people.session(hashed, IDLE)
        principal = _principal(session) if session else None
        if len(self._principals) > 1000:
            self._principals.clear()
        # What was asked while somebody logged out may be out of date already.
        if principal is not None and before == self._changes:
            self._principals[hashed] = (now, principal)
        return principal

    async def look_at(self, principal: Principal, tenant: str) -> bool:
        """Change the tenant that the session looks at; False for one it does not see."""
        changed = await self._people.look_at(principal.session, tenant)
        self._forget()
        return changed

    async def read_in(self, person: int, language: str | None) -> None:
        """Change the language that a person reads; None: as their browser asks."""
        await self._people.set_language(person, language)
        self._forget()

    async def close(self, principal: Principal) -> None:
        """Log out."""
        await self._end(principal.person, only=principal.session)

    async def close_one(self, person: int, session: int) -> None:
        """End one of a person's sessions."""
        await self._end(person, only=session)

    async def close_all(self, person: int, keep: int | None = None) -> None:
        """Log a person out everywhere (but in the session `keep`)."""
        await self._end(person, keep=keep)

    async def of(self, person: int) -> list[OpenSession]:
        """A person's sessions, the last used first."""
        return await self._people.sessions(person)

    async def expired(self, sessions: set[int]) -> set[int]:
        """Which of these are over; the rest counts as used: a page that is open is looked at."""
        return sessions - await self._people.still_open(sessions, IDLE)

    async def changed(self, person: int) -> None:
        """A role was given or taken: who it is must be looked up, and open pages anew."""
        self._forget()
        self._notify(session.id for session in await self._people.sessions(person))

    async def _end(self, person: int, *, only: int | None = None, keep: int | None = None) -> None:
        ended = await self._people.close_sessions(person, only=only, keep=keep)
        self._forget()
        self._notify(ended)

    def _forget(self) -> None:
        self._changes += 1
        self._principals.clear()

    def _notify(self, sessions: Iterable[int]) -> None:
        ended = set(sessions)
        for listener in self._on_end:
            listener(ended)


def _principal(session: SessionIdentity) -> Principal | None:
    tenants = tuple(sorted(session.roles))
    if not tenants:
        return None
    tenant = session.tenant if session.tenant in session.roles else tenants[0]
    role = session.roles[tenant or tenants[0]]
    return Principal(
        name=session.person,
        tenant=tenant or tenants[0],
        role=role,
        scopes=ROLE_SCOPES[role],
        tenants=tenants,
        roles=session.roles,
        person=session.person_id,
        session=session.id,
        language=session.language,
    )
