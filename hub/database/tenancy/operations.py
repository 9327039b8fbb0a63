"""Tenancy for Alembic: operations in a migration, and a hook that writes them by itself.

In env.py:

    from hub.database.tenancy import operations
    context.configure(..., tenancy=declaration(Base), include_schemas=True)

Then `alembic revision --autogenerate` adds `op.protect_table(...)` wherever a table is protected
otherwise than its models say, and `op.unprotect_table(...)` where it is not to be any more. The
SQL stands in the migration, so that it does the same whatever becomes of the models.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Self

import psycopg
import sqlalchemy
from alembic.autogenerate import comparators, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import CreateTableOp, ModifyTableOps, UpgradeOps
from alembic.util import DispatchPriority
from sqlalchemy.exc import NoSuchTableError

from hub.database.queries import Queries
from hub.database.questions import Question, Questions, answered_at_once
from hub.database.tenancy.declaration import Declaration, TableName
from hub.database.tenancy.drift import asked_for_protections, protection_differences
from hub.database.tenancy.policy import Policy
from hub.database.tenancy.protection import Protection, protect, protection, unprotect
from hub.database.tenancy.triggers import TenantTrigger

__all__ = ["IMPORT", "ProtectTable", "UnprotectTable"]

_QUERIES = Queries.of("hub.database.tenancy")
IMPORT = "from hub.database.tenancy.operations import Policy, Protection, TableName, TenantTrigger"
"""What a migration imports for what is written into it."""

_ = TenantTrigger, Policy  # for migrations


@Operations.register_operation("protect_table")
class ProtectTable(MigrateOperation):
    """Put a table behind its tenant; `before` is how it was, for the way back."""

    def __init__(self, wanted: Protection, before: Protection | None = None) -> None:
        self.wanted, self.before = wanted, before

    @classmethod
    def protect_table(
        cls, operations: Operations, wanted: Protection, before: Protection | None = None
    ) -> None:
        """`op.protect_table(Protection(...))`; `before` is what the downgrade puts back."""
        operations.invoke(cls(wanted, before))

    def reverse(self) -> MigrateOperation:
        """How it was."""
        if self.before is None or not self.before.policies:
            return UnprotectTable(self.wanted)
        return ProtectTable(self.before, self.wanted)


@Operations.register_operation("unprotect_table")
class UnprotectTable(MigrateOperation):
    """Take away a table's policies, triggers and row-level security."""

    def __init__(self, present: Protection) -> None:
        self.present = present

    @classmethod
    def unprotect_table(cls, operations: Operations, present: Protection) -> None:
        """`op.unprotect_table(Protection(...))`, with what is to go."""
        operations.invoke(cls(present))

    def reverse(self) -> Self | ProtectTable:
        """Put it back."""
        return ProtectTable(self.present)


@Operations.implementation_for(ProtectTable)
def _protect(operations: Operations, operation: ProtectTable) -> None:
    if operation.before is not None:
        # Triggers that are not wanted any more.
        wanted = {(trigger.table, trigger.name) for trigger in operation.wanted.triggers}
        gone = tuple(t for t in operation.before.triggers if (t.table, t.name) not in wanted)
        _execute(operations, unprotect(Protection(operation.wanted.table, triggers=gone)))
    _execute(operations, protect(operation.wanted))


@Operations.implementation_for(UnprotectTable)
def _unprotect(operations: Operations, operation: UnprotectTable) -> None:
    _execute(operations, unprotect(operation.present))


@renderers.dispatch_for(ProtectTable)
def _render_protect(context: AutogenContext, operation: ProtectTable) -> str:
    context.imports.add(IMPORT)
    before = "" if operation.before is None else f",\n    {_python(operation.before)}"
    return f"op.protect_table(\n    {_python(operation.wanted)}{before}\n)"


@renderers.dispatch_for(UnprotectTable)
def _render_unprotect(context: AutogenContext, operation: UnprotectTable) -> str:
    context.imports.add(IMPORT)
    return f"op.unprotect_table(\n    {_python(operation.present)}\n)"


@comparators.dispatch_for("schema", priority=DispatchPriority.LAST)
def _compare(context: AutogenContext, operations: UpgradeOps, _: Any) -> None:
    """After Alembic's own comparison, so that tables and columns are there by then."""
    declared = context.opts.get("tenancy")
    if not isinstance(declared, Declaration):
        return
    if context.connection is None:
        raise NoSuchTableError("tenancy can be compared with a database only")
    driver = context.connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("tenancy is compared on psycopg")
    for one in operations.ops:
        if isinstance(one, CreateTableOp):
            one.info.pop("tenancy", None)  # is said by what follows
    changed = {
        TableName(one.schema or "public", one.table_name)
        for one in operations.ops
        if isinstance(one, ModifyTableOps) and one.ops
    }
    first, last = answered_at_once(_missing(declared, changed), driver)
    operations.ops[:] = [*first, *operations.ops, *last]


def _missing(
    declared: Declaration, changed: Collection[TableName]
) -> Questions[tuple[list[MigrateOperation], list[MigrateOperation]]]:
    """What is to be done before tables change (they may lose what a policy needs) and after."""
    yield Question(_QUERIES["set_search_path"], {"path": "pg_catalog"})
    present, partitions = yield from asked_for_protections(declared.schemas)
    first: list[MigrateOperation] = []
    last: list[MigrateOperation] = []
    tables = {one.table: protection(one, declared.setting) for one in declared.tables}
    for name, wanted in tables.items():
        if name not in present:
            last.append(ProtectTable(wanted))
        elif (yield from protection_differences(wanted, present)):
            before = _ours(present[name], wanted, present)
            if name in changed and before.policies:
                first.append(UnprotectTable(before))
                last.append(ProtectTable(wanted))
            else:
                last.append(ProtectTable(wanted, before))
    for name, there in present.items():
        if name not in tables and name not in partitions and there.policies:
            first.append(UnprotectTable(_ours(there, None, present)))
    return first, last


def _ours(
    there: Protection, wanted: Protection | None, present: Mapping[TableName, Protection]
) -> Protection:
    """How a table is protected, without triggers that are no business of tenancy."""
    known = {t.function.table for t in wanted.triggers} if wanted is not None else set()
    prefix = f"{there.table.table}_"
    names = {f"{prefix}{one}" for one in ("tenant_fill", "check_tenant")}
    triggers = tuple(
        trigger
        for other in present.values()
        for trigger in other.triggers
        if trigger.function.schema == there.table.schema
        and (
            trigger.function.table in known | names
            or trigger.function.table.startswith(f"{prefix}tenant_follow_")
        )
    )
    return Protection(there.table, there.policies, triggers, there.enabled, there.forced)


def _execute(operations: Operations, statements: list[Any]) -> None:
    for statement in statements:
        # The colons of casts begin no parameters.
        operations.execute(sqlalchemy.text(statement.as_string().replace(":", r"\:")))


def _python(what: Protection) -> str:
    """The constructor's call, without what is as by default."""
    parts = [repr(what.table)]
    if what.policies:
        parts.append(f"policies={what.policies!r}")
    if what.triggers:
        parts.append(f"triggers={what.triggers!r}")
    if what.backfill:
        parts.append(f"backfill={what.backfill!r}")
    parts += [f"{name}=False" for name in ("enabled", "forced") if not getattr(what, name)]
    return f"Protection({', '.join(parts)})"
