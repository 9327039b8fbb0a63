"""The database for a hub: its own Postgres or the one that DATABASE_URL names, migrated, opened."""

from __future__ import annotations

import functools
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
from hub.database.lease.errors import PoolerError
from hub.database.lease.lease import Lease
from hub.database.lease.pooler import is_pooled, refuses_options
from hub.database.lease.worker import WorkerLeases
from hub.database.login import StoredLogin, stored_login
from hub.database.one_cluster import OneCluster
from hub.database.postgres import OWNER, Postgres
from hub.database.replica.errors import ReplicaUnfitError
from hub.database.replica.replica import Replica
from hub.database.replica.server import as_our_login
from hub.database.upgrades.majors import own_postgres
from hub.database.upgrades.upgrading import FOLDER, brought_up, is_brought_up
from hub.settings import Settings

__all__ = ["Running", "running"]


@dataclass(frozen=True, slots=True)
class Running:
    """An open database; `postgres` is None when it is not ours.

    `owner_url` is for migrations and backups; None when DATABASE_URL names an application role.
    `replica` is the standby that is read from, examined and not started; None without one.
    `cluster` is what DATABASE_URL leads to, examined and not started; None where it is ours.
    """

    database: Database
    postgres: Postgres | None
    owner_url: str | None
    replica: Replica | None = None
    cluster: OneCluster | None = None


@asynccontextmanager
async def running(
    settings: Settings, *, name: str = HUB, lease: Lease | WorkerLeases | None = None
) -> AsyncIterator[Running]:
    """Start or reach Postgres, migrate, open the database with the tenant of the settings.

    `name` is what connections are called. `lease` is held meanwhile, before anything is changed.
    Raises DatabaseError leaves: binaries, folder or role unfit, the server not reachable, a schema
    that is not of this version, a lease that another hub has.
    """
    if settings.database_read_url and not settings.database_url:
        raise ReplicaUnfitError(
            "is of a standby of DORMOUSE_DATABASE_URL's server: the hub's own Postgres has none"
        )
    async with AsyncExitStack() as stack:
        postgres = cluster = None
        owner_url: str | None
        if settings.database_url:
            direct_url = settings.database_direct_url or settings.database_url
            cluster = await _cluster(settings, direct_url)
            if lease is not None:
                setting = _direct_setting(settings)
                await stack.enter_async_context(
                    lease.held(direct_url, setting=setting, cluster=cluster)
                )
            app_url, owner_url = await _external(settings, direct_url, cluster)
        else:
            postgres = await stack.enter_async_context(own_postgres(settings))
            app_url, owner_url = postgres.app_url, postgres.owner_url
            if lease is not None:
                await stack.enter_async_context(lease.held(app_url))
        if owner_url is not None:
            async with AsyncExitStack() as alone:
                if lease is not None:
                    is_done = functools.partial(is_brought_up, owner_url)
                    await alone.enter_async_context(lease.alone(is_done))
                await brought_up(
                    owner_url,
                    postgres,
                    settings.data_dir / FOLDER,
                    keep=settings.upgrade_backups,
                )
        database = await stack.enter_async_context(Database(app_url, name=name, cluster=cluster))
        if lease is not None and not await lease.is_in(database):
            raise DatabaseError(
                "DORMOUSE_DATABASE_URL and DORMOUSE_DATABASE_DIRECT_URL lead to different databases"
            )
        await database.ensure_tenant(settings.tenant)
        replica = await _replica(settings, database)
        if replica is not None and cluster is not None:
            read_url = as_our_login(settings.database_read_url, app_url)
            await cluster.examine({"DORMOUSE_DATABASE_READ_URL": read_url})
        yield Running(database, postgres, owner_url, replica, cluster)


async def _cluster(settings: Settings, direct_url: str) -> OneCluster:
    """What the URLs lead to. Raises DatabaseError where one is none, MixedClustersError."""
    cluster = OneCluster()
    urls = {"DORMOUSE_DATABASE_URL": settings.database_url, _direct_setting(settings): direct_url}
    try:
        await cluster.examine(urls)
    except psycopg.ProgrammingError as error:
        raise _not_reached(error, settings) from None
    return cluster


async def _replica(settings: Settings, database: Database) -> Replica | None:
    """The standby that the settings name. Raises ReplicaUnfitError."""
    if not settings.database_read_url:
        return None
    replica = Replica(database, settings.database_read_url, most_lag=settings.database_read_lag)
    await replica.examine()
    return replica


async def _external(
    settings: Settings, direct_url: str, cluster: OneCluster
) -> tuple[str, str | None]:
    """(application URL, owner URL or None) of a Postgres that somebody else runs.

    A role that may create roles gets an owner and an application role made beside it (the
    application's password is kept in the data folder); any other is the application role itself,
    on a database that is migrated already.
    """
    url = settings.database_url
    try:
        conn = await psycopg.AsyncConnection.connect(cluster.fit(direct_url), autocommit=True)
    except psycopg.OperationalError as error:
        raise _not_reached(error, settings) from None
    async with conn:
        await cluster.admit(conn)
        cursor = await conn.execute(
            """SELECT rolsuper OR rolcreaterole, current_database(), current_user
               FROM pg_roles WHERE rolname = current_user"""
        )
        may_create, database, user = await cursor.fetchone() or (False, "", "")
        if not may_create:
            return url, None
        # The options that make a migration the owner's do not get through one.
        if await is_pooled(conn):
            raise PoolerError
        # Workers that start at once make the same roles.
        await conn.execute("SELECT pg_advisory_lock(hashtextextended('dormouse roles', 0))")
        try:
            login = await _make_roles(conn, database, user, settings.data_dir, direct_url)
        except psycopg.Error as error:
            raise _refused(error, user) from None
    app_url = make_conninfo(url, user=login.role, password=login.password)
    if url != direct_url:
        await _refuse_unknown_login(app_url, login)
    return app_url, make_conninfo(direct_url, options=f"-c role={OWNER}")


def _not_reached(error: psycopg.Error, settings: Settings) -> DatabaseError:
    if refuses_options(error):
        return PoolerError()
    return DatabaseError(f"{_direct_setting(settings)}: {str(error).splitlines()[0]}")


def _direct_setting(settings: Settings) -> str:
    """The setting that names the server itself."""
    return f"DORMOUSE_DATABASE_{'DIRECT_' if settings.database_direct_url else ''}URL"


async def _refuse_unknown_login(app_url: str, login: StoredLogin) -> None:
    """A pooler has a list of its own of who may come."""
    try:
        conn = await psycopg.AsyncConnection.connect(app_url)
    except psycopg.OperationalError as error:
        raise DatabaseError(
            f"DORMOUSE_DATABASE_URL: {str(error).splitlines()[0]}; let the pooler know the role "
            f"{login.role} (its password is in {login.path})"
        ) from None
    await conn.close()


async def _make_roles(
    conn: roles.Connection, database: str, user: str, data_dir: Path, direct_url: str
) -> StoredLogin:
    """Owner, group and this data folder's login, and what they may; the login."""
    await roles.ensure_group(conn)
    await roles.ensure_owner(conn, OWNER, user)
    login = await stored_login(conn, data_dir / "secrets", database, direct_url)
    await conn.execute(
        sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
            sql.Identifier(database), sql.Identifier(OWNER)
        )
    )
    # As in a database of our own: nobody's own tables and types stand before the schema's.
    await conn.execute(
        sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))
    )
    return login


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
