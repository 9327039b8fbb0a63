"""The database for a hub: its own Postgres or the one that DATABASE_URL names, migrated, opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from hub.database import roles
from hub.database.database import HUB, Database
from hub.database.errors import DatabaseError
from hub.database.migrate import migrate
from hub.database.postgres import OWNER, Postgres
from hub.database.secrets import secret
from hub.settings import Settings

__all__ = ["Running", "running"]


@dataclass(frozen=True, slots=True)
class Running:
    """An open database; `postgres` is None when it is not ours.

    `owner_url` is for migrations and backups; None when DATABASE_URL names an application role.
    """

    database: Database
    postgres: Postgres | None
    owner_url: str | None


@asynccontextmanager
async def running(settings: Settings, *, name: str = HUB) -> AsyncIterator[Running]:
    """Start or reach Postgres, migrate, open the database with the tenant of the settings.

    `name` is what connections are called. Raises DatabaseError leaves: binaries, folder or role
    unfit, the server not reachable, a schema that is not of this version.
    """
    async with AsyncExitStack() as stack:
        postgres = None
        owner_url: str | None
        if settings.database_url:
            app_url, owner_url = await _external(settings.database_url, settings.data_dir)
        else:
            postgres = Postgres(settings.data_dir / "postgres", run_as=settings.run_as)
            await stack.enter_async_context(postgres)
            app_url, owner_url = postgres.app_url, postgres.owner_url
        if owner_url is not None:
            await migrate(owner_url)
        database = await stack.enter_async_context(Database(app_url, name=name))
        await database.ensure_tenant(settings.tenant)
        yield Running(database, postgres, owner_url)


async def _external(url: str, data_dir: Path) -> tuple[str, str | None]:
    """(application URL, owner URL or None) of a Postgres that somebody else runs.

    A role that may create roles gets an owner and an application role made beside it (the
    application's password is kept in the data folder); any other is the application role itself,
    on a database that is migrated already.
    """
    try:
        conn = await psycopg.AsyncConnection.connect(url, autocommit=True)
    except psycopg.OperationalError as error:
        raise DatabaseError(f"DORMOUSE_DATABASE_URL: {str(error).splitlines()[0]}") from None
    async with conn:
        cursor = await conn.execute(
            """SELECT rolsuper OR rolcreaterole, current_database(), current_user
               FROM pg_roles WHERE rolname = current_user"""
        )
        may_create, database, user = await cursor.fetchone() or (False, "", "")
        if not may_create:
            return url, None
        app = f"dormouse_hub_{database}"[:63]
        password = secret(data_dir / "secrets" / f"{app}.password")
        try:
            await _make_roles(conn, database, user, app, password)
        except psycopg.Error as error:
            raise _refused(error, user) from None
    return (
        make_conninfo(url, user=app, password=password),
        make_conninfo(url, options=f"-c role={OWNER}"),
    )


async def _make_roles(
    conn: roles.Connection, database: str, user: str, app: str, password: str
) -> None:
    await roles.ensure_group(conn)
    await roles.ensure_owner(conn, OWNER, user)
    await roles.ensure_login(conn, app, password, member=True)
    await conn.execute(
        sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
            sql.Identifier(database), sql.Identifier(OWNER)
        )
    )
    # As in a database of our own: nobody's own tables and types stand before the schema's.
    await conn.execute(
        sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))
    )


def _refused(error: psycopg.Error, user: str) -> DatabaseError:
    """What a role that may create roles may not, in one line with what to do."""
    said = error.diag.message_primary or str(error).splitlines()[0]
    remedy = ""
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        remedy = (
            f"; as a superuser: GRANT {roles.APP_GROUP}, {OWNER} TO {user} WITH ADMIN OPTION, and "
            "let it own the database; or name a superuser here"
        )
    return DatabaseError(f"DORMOUSE_DATABASE_URL: {said}{remedy}")
