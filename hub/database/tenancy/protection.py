"""How a table is protected, as a whole: made from its declaration, put into SQL."""

from __future__ import annotations

from dataclasses import dataclass, field

from psycopg import sql

from hub.database.tenancy.declaration import TableName, TableTenancy, TenantSetting
from hub.database.tenancy.policy import POLICY, Policy, policies, table_identifier
from hub.database.tenancy.triggers import TenantTrigger, backfill, triggers

__all__ = ["Protection", "protect", "protection", "unprotect"]

# A partition that is asked by its own name is not behind the policies of the whole: with row-level
# security and none of its own it shows nothing then.
_PARTITIONS = sql.SQL("""
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT p.relid FROM pg_catalog.pg_partition_tree({}) AS p WHERE p.level > 0 LOOP
        EXECUTE pg_catalog.format(
            'ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
    END LOOP;
END $$""")

_OURS = (POLICY, *(f"{POLICY}_{command}" for command in ("select", "insert", "update", "delete")))


@dataclass(frozen=True, slots=True)
class Protection:
    """Row-level security of one table: enabled, forced, its policies and triggers.

    `backfill` are statements that fill what a trigger fills, for the rows that are there.
    """

    table: TableName
    policies: tuple[Policy, ...] = ()
    triggers: tuple[TenantTrigger, ...] = ()
    enabled: bool = True
    forced: bool = True
    backfill: tuple[str, ...] = field(default=(), compare=False)


def protection(table: TableTenancy, setting: TenantSetting) -> Protection:
    """What a table needs that is declared so."""
    return Protection(
        table.table, policies(table, setting), triggers(table), backfill=backfill(table)
    )


def protect(wanted: Protection) -> list[sql.Composable]:
    """The statements that put a table behind its tenant, for its owner; they may be run again.

    A partition that is attached later is protected by running them again; `drift` names it.
    """
    name = table_identifier(wanted.table)
    return [
        *(made for trigger in wanted.triggers for made in _trigger(trigger)),
        *(sql.SQL(statement) for statement in wanted.backfill),
        sql.SQL("ALTER TABLE {} {} ROW LEVEL SECURITY").format(
            name, sql.SQL("ENABLE" if wanted.enabled else "DISABLE")
        ),
        sql.SQL("ALTER TABLE {} {} ROW LEVEL SECURITY").format(
            name, sql.SQL("FORCE" if wanted.forced else "NO FORCE")
        ),
        *_without_policies(wanted.table),
        *(_policy(name, policy) for policy in wanted.policies),
        *(
            [_PARTITIONS.format(sql.Literal(name.as_string()))]
            if wanted.enabled and wanted.table.schema != "pg_temp"
            else []
        ),
    ]


def unprotect(present: Protection) -> list[sql.Composable]:
    """The statements that take away what `protect` made, for the table's owner."""
    name = table_identifier(present.table)
    dropped: list[sql.Composable] = []
    for trigger in present.triggers:
        dropped += [
            sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(
                sql.Identifier(trigger.name), table_identifier(trigger.table)
            ),
            sql.SQL("DROP FUNCTION IF EXISTS {}()").format(table_identifier(trigger.function)),
        ]
    return [
        *dropped,
        *_without_policies(present.table),
        sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(name),
        sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(name),
    ]


def _without_policies(table: TableName) -> list[sql.Composable]:
    return [
        sql.SQL("DROP POLICY IF EXISTS {} ON {}").format(
            sql.Identifier(name), table_identifier(table)
        )
        for name in _OURS
    ]


def _policy(table: sql.Identifier, policy: Policy) -> sql.Composed:
    parts: list[sql.Composable] = [
        sql.SQL("CREATE POLICY {} ON {} AS {} FOR {} TO {}").format(
            sql.Identifier(policy.name),
            table,
            sql.SQL("PERMISSIVE" if policy.permissive else "RESTRICTIVE"),
            sql.SQL(policy.command),
            sql.SQL(", ").join(
                sql.SQL("PUBLIC") if role == "public" else sql.Identifier(role)
                for role in policy.roles
            ),
        )
    ]
    if policy.using is not None:
        parts.append(sql.SQL("USING ({})").format(sql.SQL(policy.using)))
    if policy.check is not None:
        parts.append(sql.SQL("WITH CHECK ({})").format(sql.SQL(policy.check)))
    return sql.SQL(" ").join(parts)


def _trigger(trigger: TenantTrigger) -> list[sql.Composable]:
    return [
        # Found by nobody's search_path: another's operators and functions are not taken.
        sql.SQL(
            "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql "
            "SET search_path = pg_catalog, pg_temp AS {}"
        ).format(table_identifier(trigger.function), sql.Literal(trigger.body)),
        sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(
            sql.Identifier(trigger.name), table_identifier(trigger.table)
        ),
        sql.SQL(trigger.definition),
    ]
