"""What may be changed about people, by pages and by the command line alike."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from hub.people.errors import PasswordError
from hub.people.passwords import TooBusyError, complaint
from hub.people.repository import Role, token_hash

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = ["LASTING", "leave", "make_link", "remove", "set_password", "set_role"]

LASTING = timedelta(hours=72)
"""How long a link can be used: over a weekend."""


async def make_link(
    site: Site,
    tenant: str,
    role: Role,
    *,
    note: str = "",
    lasting: timedelta = LASTING,
    first: bool = False,
) -> str:
    """The path of a new one-time link; only its hash is kept."""
    token = secrets.token_urlsafe(24)
    await site.people.invite(tenant, token_hash(token), role, lasting, note=note, first=first)
    return f"/join/{token}"


async def set_role(site: Site, tenant: str, person: int, role: Role) -> bool:
    """Another role in the tenant; False when they do not see it.

    Their open pages load anew, with what they may do now. Raises LastAdministratorError.
    """
    done = await site.people.set_role(tenant, person, role)
    await site.sessions.changed(person)
    return done


async def leave(site: Site, tenant: str, person: int) -> bool:
    """They see the tenant no more, from now on; as set_role."""
    done = await site.people.leave(tenant, person)
    await site.sessions.changed(person)
    return done


async def set_password(
    site: Site, person: int, name: str, fresh: str, *, stay: int | None = None
) -> None:
    """Another password; every session ends but `stay`. Raises PasswordError."""
    if wrong := complaint(fresh, name):
        raise PasswordError(wrong)
    try:
        hashed = await site.passwords.hash(fresh)
    except TooBusyError:
        raise PasswordError("The hub is busy with log-ins; try again shortly.") from None
    await site.people.set_password(person, hashed)
    await site.sessions.close_all(person, but=stay)


async def remove(site: Site, person: int) -> None:
    """Remove a person altogether; raises LastAdministratorError for a tenant's last one."""
    for tenant in await site.people.tenants_of(person):
        await site.people.leave(tenant, person)
    await site.sessions.close_all(person)
    await site.people.remove(person)
