"""What every step does: run the SQL of a file, put tables behind their tenant."""

from __future__ import annotations

from importlib.resources import files

import psycopg
from alembic import op
from psycopg import sql
from psycopg.rows import TupleRow

from hub.database.tenancy import protection
from hub.database.tenancy.declaration import OwnKey
from hub.database.tenancy.declare import DECLARATION, FORMER, TABLES
from hub.database.tenancy.policy import table_identifier

__all__ = ["protect", "run"]

_DEFAULT = sql.SQL("ALTER TABLE {} ALTER {} SET DEFAULT dormouse.current_tenant()")


def run(*names: str) -> None:
    """Run files of hub/database/schema, each as one script."""
    for name in names:
        # No parameters, so that the driver leaves the text, per cent signs and all, alone.
        _driver().execute(files("hub.database.schema").joinpath(name).read_bytes())


def protect(*tables: str) -> None:
    """Put tables behind their tenant, each as it is declared."""
    declared = TABLES | FORMER
    for table in tables:
        tenancy = declared[table]
        for statement in protection.protect(protection.protection(tenancy, DECLARATION.setting)):
            _driver().execute(statement.as_string())
        if tenancy.own == (OwnKey(("tenant_id",)),) and not tenancy.clauses:
            # What is written belongs to the tenant of the transaction unless it says otherwise.
            _driver().execute(
                _DEFAULT.format(table_identifier(tenancy.table), sql.Identifier("tenant_id"))
            )


def _driver() -> psycopg.Connection[TupleRow]:
    connection = op.get_bind().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        raise TypeError("migrations run on psycopg")
    return connection
