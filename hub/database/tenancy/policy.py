"""The SQL that puts a table behind its tenant, from the path declared for it."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

__all__ = ["CURRENT", "POLICY", "Direct", "Path", "Through", "expression", "protect"]

POLICY = "tenant"
"""The name of every policy that is made here."""

# The sub-select is computed once a query, not once a row; after a transaction-local setting ends
# it reads '', for which a bare cast fails.
CURRENT = "(SELECT NULLIF(current_setting('dormouse.tenant', true), '')::integer)"


@dataclass(frozen=True, slots=True)
class Direct:
    """The table has the tenant in a column of its own: for big tables."""

    column: str = "tenant_id"


@dataclass(frozen=True, slots=True)
class Through:
    """The table reaches its tenant by a foreign key to a table that is itself declared."""

    column: str
    parent: str
    key: str = "id"


Path = Direct | Through


def expression(path: Path) -> sql.Composed:
    """The condition a row must meet to be seen or written."""
    if isinstance(path, Direct):
        return sql.SQL("{} = {}").format(sql.Identifier(path.column), sql.SQL(CURRENT))
    # The parent's own policy applies within: the chain repeats itself. It also stands in for the
    # foreign key check, which ignores row-level security.
    parent = sql.Identifier(path.parent)
    return sql.SQL("{} IN (SELECT {}.{} FROM dormouse.{})").format(
        sql.Identifier(path.column), parent, sql.Identifier(path.key), parent
    )


def protect(table: str, path: Path) -> list[sql.Composed]:
    """The statements that put `table` behind its tenant; they may be run again."""
    name = sql.SQL("dormouse.{}").format(sql.Identifier(table))
    condition = expression(path)
    policy = sql.Identifier(POLICY)
    statements = [
        sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(name),
        sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(name),
        sql.SQL("DROP POLICY IF EXISTS {} ON {}").format(policy, name),
        sql.SQL("CREATE POLICY {} ON {} USING ({}) WITH CHECK ({})").format(
            policy, name, condition, condition
        ),
    ]
    if path == Direct():
        # What is written belongs to the tenant of the transaction unless it says otherwise.
        statements.append(
            sql.SQL("ALTER TABLE {} ALTER tenant_id SET DEFAULT dormouse.current_tenant()").format(
                name
            )
        )
    return statements
