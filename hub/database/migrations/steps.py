"""What every step does: run the SQL of a file, put tables behind their tenant."""

from __future__ import annotations

from importlib.resources import files

import psycopg
from alembic import op
from psycopg.rows import TupleRow

from hub.database.tenancy.declare import FORMER, TABLES
from hub.database.tenancy.policy import protect as statements

__all__ = ["protect", "run"]


def run(*names: str) -> None:
    """Run files of hub/database/schema, each as one script."""
    for name in names:
        # No parameters, so that the driver leaves the text, per cent signs and all, alone.
        _driver().execute(files("hub.database.schema").joinpath(name).read_bytes())


def protect(*tables: str) -> None:
    """Put tables behind their tenant by the path declared for each."""
    paths = TABLES | FORMER
    for table in tables:
        for statement in statements(table, paths[table]):
            _driver().execute(statement)


def _driver() -> psycopg.Connection[TupleRow]:
    connection = op.get_bind().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        raise TypeError("migrations run on psycopg")
    return connection
