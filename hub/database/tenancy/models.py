"""Tenancy from models: every way that foreign keys lead from a table to the tenant's.

    class School(Base):
        __tablename__ = "school"
        __tenancy__ = TenantModel("app.school")
        id: Mapped[int] = mapped_column(primary_key=True)

    class Class(Base): ...      # school_id: ForeignKey("school.id")
    class Enrolment(Base): ...  # class_id: ForeignKey("class.id"), student_id: ...

    tenant_of(Enrolment).ways   # through Class, and through Student
    declaration(Base)           # of all tables, for `protect` and `drift`

Any model can be the tenant's. For a `Table` without a class the same stands in its `info`, under
"tenancy".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapper

from hub.database.errors import TenancyModelError
from hub.database.tenancy.declaration import (
    Clause,
    Command,
    Declaration,
    TableName,
    TableTenancy,
    TenantSetting,
)
from hub.database.tenancy.routes import Routes, Way

__all__ = ["SharedTable", "TenantModel", "TenantRules", "TenantWays", "declaration", "tenant_of"]


@dataclass(frozen=True, slots=True)
class TenantModel:
    """Marks the model whose rows are the tenants.

    `setting` is what a transaction sets to the tenant's key, such as "app.school"; a key of
    several columns has one each, in its order.
    """

    setting: str | tuple[str, ...] = "dormouse.tenant"
    clauses: Mapping[Command, str | Clause] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SharedTable:
    """Marks a table that belongs to no tenant, and why. No policies unless `clauses` has some."""

    why: str
    clauses: Mapping[Command, str | Clause] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TenantRules:
    """What a table has otherwise than its foreign keys say.

    `columns` hold the tenant's key though no foreign key says so (generated columns too).
    `through` names the columns of the foreign keys that count, None: all. `clauses` replace the
    condition for a command or "ALL", in SQL, with `{tenant}` for what it would be. `fill` names
    columns of the table that a trigger fills with the tenant's key, by the shortest way.
    """

    columns: tuple[str, ...] = ()
    through: tuple[str, ...] | None = None
    clauses: Mapping[Command, str | Clause] = field(default_factory=dict)
    fill: tuple[str, ...] = ()


Mark = TenantModel | SharedTable | TenantRules
Model = type[DeclarativeBase] | sqlalchemy.Table


@dataclass(frozen=True, slots=True)
class TenantWays:
    """How a model reaches its tenant: each way from foreign key to foreign key, and its policies.

    No ways: the table is shared. `str()` of a way reads
    `enrolment.class_id -> class.id, class.school_id -> school.id`.
    """

    tenancy: TableTenancy | None
    ways: tuple[Way, ...]


def tenant_of(model: Model) -> TenantWays:
    """How a model, or a table, reaches its tenant. Raises TenancyModelError."""
    marks = _Marks.of(model)
    table = marks.table_of(model)
    routes = marks.routes()
    return TenantWays(routes.tenancies().get(table), tuple(routes.ways(table)))


def declaration(
    base: type[DeclarativeBase] | sqlalchemy.MetaData,
    *,
    roles: Sequence[str] = (),
    allowed: Sequence[str] = (),
    shared: Mapping[TableName, str] | None = None,
) -> Declaration:
    """What the models of a base, or the tables of a metadata, declare of their tenants.

    `roles` are the application's, which row-level security must bind; `allowed` what
    `facts.record` gave; `shared` tables without a model. Raises TenancyModelError for a table
    that reaches no tenant and is not marked as shared.
    """
    marks = _Marks.of(base)
    routes = marks.routes()
    tenancies = routes.tenancies()
    reasons = {
        _name(table): mark.why
        for table in marks.tables
        if isinstance(mark := marks.mark(table), SharedTable)
    }
    for table in sorted(marks.tables, key=_name):
        if table not in tenancies and _name(table) not in reasons:
            raise TenancyModelError(str(_name(table)), _lost(table))
    tables = tuple(tenancies[table] for table in sorted(tenancies, key=_name))
    return Declaration(
        marks.setting(), tables, reasons | dict(shared or {}), tuple(roles), tuple(allowed)
    )


class _Marks:
    """The tables of a metadata with what is declared of them."""

    def __init__(self, metadata: sqlalchemy.MetaData, mappers: Sequence[Mapper[Any]]) -> None:
        self.tables = list(metadata.tables.values())
        self._marks: dict[sqlalchemy.Table, Mark] = {
            table: table.info["tenancy"] for table in self.tables if "tenancy" in table.info
        }
        for mapper in mappers:
            mark = _mark_of_class(mapper)
            if mark is not None and isinstance(mapper.local_table, sqlalchemy.Table):
                self._marks[mapper.local_table] = mark
        tenants = [t for t in self.tables if isinstance(self._marks.get(t), TenantModel)]
        if len(tenants) != 1:
            names = ", ".join(str(table) for table in tenants) or "none"
            raise TenancyModelError(names, "one model is to be marked by __tenancy__ = TenantModel")
        self.tenant = tenants[0]

    @classmethod
    def of(cls, what: type[DeclarativeBase] | sqlalchemy.Table | sqlalchemy.MetaData) -> _Marks:
        if isinstance(what, sqlalchemy.MetaData):
            return cls(what, [])
        if isinstance(what, sqlalchemy.Table):
            return cls(what.metadata, [])
        return cls(what.metadata, sorted(what.registry.mappers, key=lambda one: str(one.class_)))

    def mark(self, table: sqlalchemy.Table) -> Mark | None:
        return self._marks.get(table)

    def table_of(self, model: Model) -> sqlalchemy.Table:
        table = model if isinstance(model, sqlalchemy.Table) else model.__table__
        if table not in self.tables:
            raise TenancyModelError(str(model), "is no table of these models")
        return table

    def setting(self) -> TenantSetting:
        mark = self._marks[self.tenant]
        names = mark.setting if isinstance(mark, TenantModel) else ""
        names = (names,) if isinstance(names, str) else names
        key = list(self.tenant.primary_key)
        if len(names) != len(key):
            raise TenancyModelError(
                str(self.tenant), f"its key has {len(key)} columns, but {len(names)} settings"
            )
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy
        types = (column.type.compile(dialect=dialect).lower().split("(")[0] for column in key)
        return TenantSetting(names, tuple("integer" if one == "serial" else one for one in types))

    def routes(self) -> Routes:
        rules: dict[sqlalchemy.Table, TenantRules] = {}
        shared: set[sqlalchemy.Table] = set()
        clauses: dict[sqlalchemy.Table, Mapping[Command, Clause]] = {}
        for table, mark in self._marks.items():
            clauses[table] = _clauses(mark.clauses)
            if isinstance(mark, SharedTable):
                shared.add(table)
            elif isinstance(mark, TenantRules):
                rules[table] = mark
        return Routes(
            self.tables,
            self.tenant,
            shared=shared,
            columns={table: rule.columns for table, rule in rules.items() if rule.columns},
            through={t: rule.through for t, rule in rules.items() if rule.through is not None},
            fills={table: rule.fill for table, rule in rules.items() if rule.fill},
            clauses=clauses,
        )


def _lost(table: sqlalchemy.Table) -> str:
    """What to do about a table that no way leads from."""
    if (entity := table.info.get("history_of")) is not None:
        return f"history has the tenant's key where the model of {entity} names it in `carry`"
    return "no foreign key leads to the tenant; mark it as a SharedTable if it is one"


def _mark_of_class(mapper: Mapper[Any]) -> Mark | None:
    """What the class says, or a mixin; not what a mapped class above says of its own table."""
    for cls in mapper.class_.__mro__:
        above = cls is not mapper.class_ and hasattr(cls, "__mapper__")
        if not above and "__tenancy__" in vars(cls):
            mark: Mark = vars(cls)["__tenancy__"]
            return mark
    return None


def _clauses(given: Mapping[Command, str | Clause]) -> Mapping[Command, Clause]:
    return {
        command: clause if isinstance(clause, Clause) else Clause(clause, clause)
        for command, clause in given.items()
    }


def _name(table: sqlalchemy.Table) -> TableName:
    return TableName(table.schema or "public", table.name)
