"""Run Alembic's steps: `python -m hub.database.upgrade REVISION`, the URL on standard input.

A process of its own, since Alembic and SQLAlchemy take 20 MB that the hub would not get back.
"""

from __future__ import annotations

import sys
from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from psycopg.conninfo import conninfo_to_dict

__all__ = ["config", "engine_url", "upgrade"]

_MIGRATIONS = Path(__file__).parent / "migrations"
# Two hubs that start at once migrate one after the other.
_LOCK = "SELECT pg_advisory_lock(hashtext('dormouse.migrate'))"


def engine_url(conninfo: str) -> sqlalchemy.URL:
    """The same connection in SQLAlchemy's form, for psycopg."""
    parts = {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value}
    return sqlalchemy.URL.create("postgresql+psycopg", query=parts)


def config() -> Config:
    """Alembic's configuration."""
    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    made.set_main_option("path_separator", "os")
    return made


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Run the steps that are missing up to a revision, as the schema's owner, one by one."""
    engine = sqlalchemy.create_engine(engine_url(owner_url), poolclass=sqlalchemy.NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(_LOCK)
            # IF NOT EXISTS would ask for the right to create even where nothing is to be done.
            if not sqlalchemy.inspect(connection).has_schema("dormouse"):
                connection.exec_driver_sql("CREATE SCHEMA dormouse")
            connection.commit()
            steps = config()
            steps.attributes["connection"] = connection
            command.upgrade(steps, revision)
            connection.commit()
    finally:
        engine.dispose()


if __name__ == "__main__":
    upgrade(sys.stdin.read(), sys.argv[1])
