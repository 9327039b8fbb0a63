"""The login of one data folder at a Postgres that somebody else runs."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from hub.database import roles
from hub.database.secrets import secret

__all__ = ["StoredLogin", "stored_login"]

_SUFFIX = ".password"
# Postgres' names have 63 bytes; what tells two folders' roles apart is 7 of them.
_LONGEST = 56


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """A role that only this data folder has the password of, kept in `path`."""

    role: str
    path: Path
    password: str = field(repr=False)


async def stored_login(
    conn: roles.Connection, folder: Path, database: str, url: str
) -> StoredLogin:
    """The folder's role, made where there is none that lets us in.

    Another folder's role is left as it is: whoever uses it goes on.
    """
    usual = f"dormouse_hub_{database}".encode()[:_LONGEST].decode(errors="ignore")
    for role, path in _stored(folder, usual):
        if (login := await _usable(conn, role, path, url)) is not None:
            return login
    role = usual
    while await roles.exists(conn, role):
        role = f"{usual}_{secrets.token_hex(3)}"
    return await _made(conn, role, folder / f"{role}{_SUFFIX}")


def _stored(folder: Path, usual: str) -> list[tuple[str, Path]]:
    """The roles whose passwords the folder has."""
    ours = re.compile(rf"{re.escape(usual)}(_[0-9a-f]{{6}})?")
    files = [(path.name.removesuffix(_SUFFIX), path) for path in folder.glob(f"*{_SUFFIX}")]
    return sorted(found for found in files if ours.fullmatch(found[0]))


async def _usable(conn: roles.Connection, role: str, path: Path, url: str) -> StoredLogin | None:
    """The login that the folder has, made where a restored server lacks it; None when foreign."""
    if not await roles.exists(conn, role):
        return await _made(conn, role, path)
    login = StoredLogin(role, path, secret(path))
    try:
        own = await psycopg.AsyncConnection.connect(
            make_conninfo(url, user=role, password=login.password)
        )
    except psycopg.OperationalError:
        return None
    await own.close()
    await roles.ensure_member(conn, role)
    return login


async def _made(conn: roles.Connection, role: str, path: Path) -> StoredLogin:
    login = StoredLogin(role, path, secret(path))
    await roles.ensure_login(conn, role, login.password, member=True)
    return login
