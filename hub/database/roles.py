"""Database roles: an owner that migrates, an application role that row-level security binds."""

from __future__ import annotations

from psycopg import AsyncConnection, errors, sql
from psycopg.rows import TupleRow

from hub.database.errors import UnsafeRoleError

__all__ = [
    "APP_GROUP",
    "drop_databases",
    "ensure_database",
    "ensure_group",
    "ensure_login",
    "ensure_member",
    "ensure_owner",
    "exists",
    "refuse_unsafe",
]

Connection = AsyncConnection[TupleRow]

APP_GROUP = "dormouse_app"
"""The role that the schema grants to; the hub's login is a member of it."""


async def ensure_group(conn: Connection) -> None:
    """Make the group role where it is missing; needs CREATEROLE then."""
    if not await exists(conn, APP_GROUP):
        await conn.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(APP_GROUP)))


async def ensure_login(conn: Connection, role: str, password: str, *, member: bool) -> None:
    """Make or mend a login role with that password; `member` of the application group or not."""
    verb = "ALTER" if await exists(conn, role) else "CREATE"
    await conn.execute(
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            sql.SQL(verb), sql.Identifier(role), sql.Literal(password)
        )
    )
    if member:
        await ensure_member(conn, role)


async def ensure_member(conn: Connection, role: str) -> None:
    """Let a role be of the application's group."""
    await conn.execute(
        sql.SQL("GRANT {} TO {}").format(sql.Identifier(APP_GROUP), sql.Identifier(role))
    )


async def ensure_owner(conn: Connection, role: str, user: str) -> None:
    """Make the role that owns the schema, which `user` may become; needs CREATEROLE."""
    if not await exists(conn, role):
        await conn.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
    # From 16 on who made a role is a member of it, and may not become it without more.
    how = "SET" if conn.info.server_version >= 160000 else "MEMBER"
    may = await conn.execute("SELECT pg_has_role(%s, %s, %s)", [user, role, how])
    if await may.fetchone() != (True,):
        await conn.execute(
            sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(user))
        )


async def ensure_database(conn: Connection, name: str, owner: str) -> None:
    """Make the database where it is missing; `conn` must be in autocommit mode."""
    cursor = await conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
    if await cursor.fetchone() is None:
        await conn.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(name), sql.Identifier(owner)
            )
        )
        await conn.execute(
            sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))
        )
        await conn.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                sql.Identifier(name), sql.Identifier(APP_GROUP)
            )
        )


async def drop_databases(conn: Connection, prefix: str) -> None:
    """Drop all databases whose name begins like that, whoever is in them; needs a superuser.

    Who is just leaving one is waited for (5 s, by Postgres itself); who stays is ended.
    """
    found = await conn.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix]
    )
    for (name,) in await found.fetchall():
        drop = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
        try:
            await conn.execute(drop)
        except errors.ObjectInUse:
            await conn.execute(drop + sql.SQL(" WITH (FORCE)"))


async def refuse_unsafe(conn: Connection) -> None:
    """Raises UnsafeRoleError when this connection's role, or one it may become, sees everything."""
    cursor = await conn.execute(
        """SELECT rolname, rolsuper FROM pg_roles
           WHERE (rolsuper OR rolbypassrls)
             AND (rolname IN (current_user, session_user)
                  OR pg_has_role(session_user, oid, 'MEMBER'))
           ORDER BY rolname LIMIT 1"""
    )
    row = await cursor.fetchone()
    if row is None:
        return
    name, superuser = row
    why = "is a superuser" if superuser else "has BYPASSRLS"
    current = await (await conn.execute("SELECT session_user")).fetchone()
    role = current[0] if current else name
    raise UnsafeRoleError(role, why if role == name else f"may become {name}, which {why}")


async def exists(conn: Connection, role: str) -> bool:
    """Whether there is a role of that name."""
    cursor = await conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    return await cursor.fetchone() is not None
