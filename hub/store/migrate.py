"""Bring a database to the schema of this version."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.conninfo import conninfo_to_dict

__all__ = ["engine_url", "head", "migrate"]

_MIGRATIONS = Path(__file__).parent / "migrations"
# Two hubs that start at once migrate one after the other.
_LOCK = "SELECT pg_advisory_lock(hashtext('dormouse.migrate'))"


def engine_url(conninfo: str) -> sqlalchemy.URL:
    """The same connection in SQLAlchemy's form, for psycopg."""
    parts = {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value}
    return sqlalchemy.URL.create("postgresql+psycopg", query=parts)


@cache
def head() -> str:
    """The newest revision, for instance "0001"."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


async def migrate(owner_url: str) -> None:
    """Run the steps that are missing, as the schema's owner, one transaction each."""
    await asyncio.to_thread(_migrate, owner_url)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _migrate(owner_url: str) -> None:
    engine = sqlalchemy.create_engine(engine_url(owner_url), poolclass=sqlalchemy.NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(_LOCK)
            # IF NOT EXISTS would ask for the right to create even where nothing is to be done.
            if not sqlalchemy.inspect(connection).has_schema("dormouse"):
                connection.exec_driver_sql("CREATE SCHEMA dormouse")
            connection.commit()
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    finally:
        engine.dispose()
