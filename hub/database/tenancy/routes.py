"""The ways from tables to their tenant, along foreign keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import sqlalchemy
from sqlalchemy.exc import NoReferencedColumnError, NoReferencedTableError

from hub.database.errors import TenancyModelError
from hub.database.tenancy.declaration import (
    Clause,
    Command,
    Fill,
    Link,
    OwnKey,
    TableName,
    TableTenancy,
)

__all__ = ["ParentKey", "Routes", "Way"]

Table = sqlalchemy.Table


@dataclass(frozen=True, slots=True)
class ParentKey:
    """A foreign key from one table to another."""

    child: Table
    columns: tuple[str, ...]
    parent: Table
    keys: tuple[str, ...]
    nullable: bool

    def __str__(self) -> str:
        pairs = zip(self.columns, self.keys, strict=True)
        return ", ".join(f"{self.child.name}.{a} -> {self.parent.name}.{b}" for a, b in pairs)


@dataclass(frozen=True, slots=True)
class Way:
    """Foreign keys from a table to the tenant's, none of them passing a table twice."""

    steps: tuple[ParentKey, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.steps))


@dataclass(frozen=True)
class Routes:
    """What foreign keys say of tables and their tenant, and what is declared besides.

    `columns` hold the tenant's key by declaration, `through` restricts which foreign keys count,
    `fills` names columns that are to be filled with the key.
    """

    tables: Sequence[Table]
    tenant: Table
    shared: Collection[Table] = ()
    columns: Mapping[Table, tuple[str, ...]] = field(default_factory=dict)
    through: Mapping[Table, tuple[str, ...]] = field(default_factory=dict)
    fills: Mapping[Table, tuple[str, ...]] = field(default_factory=dict)
    clauses: Mapping[Table, Mapping[Command, Clause]] = field(default_factory=dict)

    def tenancies(self) -> dict[Table, TableTenancy]:
        """How each table belongs to tenants, if it does. Raises TenancyModelError."""
        made = {}
        for table in self.tables:
            own, links, checked = self._own[table], *self._links[table]
            clauses = self.clauses.get(table, {})
            if table in self.shared:
                if clauses:
                    made[table] = TableTenancy(_name(table), clauses=clauses)
                continue
            if table in self.fills:
                key = OwnKey(self.fills[table])
                made[table] = TableTenancy(
                    _name(table), (key,), (), tuple(links + checked), clauses, self._fill(table)
                )
            elif own or links or clauses:
                made[table] = TableTenancy(
                    _name(table), tuple(own), tuple(links), tuple(checked), clauses
                )
        return made

    def ways(self, table: Table) -> Iterator[Way]:
        """Every way from a table to the tenant, in the order of columns."""
        if table is not self.tenant and table not in self.shared:
            yield from (Way(steps) for steps in self._ways(table, (table,)))

    def _ways(self, table: Table, passed: tuple[Table, ...]) -> Iterator[tuple[ParentKey, ...]]:
        for step in self._steps[table]:
            if step.parent is self.tenant:
                yield (step,)
            elif step.parent not in passed and step.parent not in self.shared:
                for rest in self._ways(step.parent, (*passed, step.parent)):
                    yield (step, *rest)

    @cached_property
    def _steps(self) -> dict[Table, list[ParentKey]]:
        found: dict[Table, list[ParentKey]] = {}
        for table in self.tables:
            only = self.through.get(table)
            steps = [_step(table, key) for key in table.foreign_key_constraints]
            found[table] = sorted(
                (one for one in steps if only is None or set(one.columns) & set(only)),
                key=lambda one: (one.columns, _name(one.parent), one.keys),
            )
            if only is not None and not found[table]:
                raise TenancyModelError(
                    str(table), f"`through` names {', '.join(only)}: no foreign key"
                )
        return found

    @cached_property
    def _own(self) -> dict[Table, list[OwnKey]]:
        """Columns of a table that hold the key: declared, or carried along by foreign keys."""
        own: dict[Table, list[OwnKey]] = {table: [] for table in self.tables}
        own[self.tenant] = [OwnKey(tuple(column.name for column in self.tenant.primary_key))]
        for table, columns in self.columns.items():
            own[table].append(_own_key(table, columns))
        for table, columns in self.fills.items():
            own[table].append(OwnKey(columns))
        grown = True
        while grown:
            grown = False
            for step in (step for steps in self._steps.values() for step in steps):
                if step.child in self.shared or step.parent in self.shared:
                    continue
                if step.child in self.fills or step.child is self.tenant:
                    continue
                for key in list(own[step.parent]):
                    carried = _carried(step, key)
                    if carried is not None and carried not in own[step.child]:
                        own[step.child].append(carried)
                        grown = True
        return own

    @cached_property
    def _links(self) -> dict[Table, tuple[list[Link], list[Link]]]:
        """The foreign keys that do not carry the key: those for policies, those for triggers.

        A policy that would ask its own table, by whatever way round, cannot be: the ways that
        come nearer to the tenant at each step are policies, and whatever closes a circle with
        them is looked at by a trigger.
        """
        depths = self._depths()
        edges: dict[Table, set[Table]] = {table: set() for table in self.tables}
        links: dict[Table, tuple[list[Link], list[Link]]] = {t: ([], []) for t in self.tables}
        steps = [
            step
            for table in self.tables
            for step in self._steps[table]
            if table not in self.shared and step.parent in depths and table in depths
            and not any(_carried(step, key) for key in self._own[step.parent])
        ]  # fmt: skip
        near = [step for step in steps if depths[step.parent] < depths[step.child]]
        for step in [*near, *(step for step in steps if step not in near)]:
            policies, checked = links[step.child]
            link = Link(step.columns, _name(step.parent), step.keys, step.nullable)
            if step.child is self.tenant or _reaches(edges, step.parent, step.child):
                checked.append(link)
            else:
                policies.append(link)
                if step.child not in self.fills:
                    edges[step.child].add(step.parent)
        for found in (one for both in links.values() for one in both):
            found.sort(key=lambda link: link.columns)
        return links

    def _depths(self) -> dict[Table, int]:
        """How many foreign keys a table is from the tenant's key; without those that are not."""
        depths = {t: 0 for t in self.tables if self._own[t] and t not in self.shared}
        grown = True
        while grown:
            grown = False
            for step in (step for steps in self._steps.values() for step in steps):
                if step.child in self.shared or step.parent not in depths:
                    continue
                depth = depths[step.parent] + 1
                if depths.get(step.child, depth + 1) > depth:
                    depths[step.child] = depth
                    grown = True
        return depths

    def _fill(self, table: Table) -> Fill:
        """The shortest way whose columns all must have a value, else the shortest."""
        found = self._shortest(table, nullable=False) or self._shortest(table, nullable=True)
        if not found:
            raise TenancyModelError(
                str(table), "no foreign key leads to the tenant's key to fill in"
            )
        links = tuple(Link(one.columns, _name(one.parent), one.keys, one.nullable) for one in found)
        return Fill(self.fills[table], links, self._own[found[-1].parent][0].columns)

    def _shortest(self, table: Table, *, nullable: bool) -> tuple[ParentKey, ...]:
        queue: list[tuple[Table, tuple[ParentKey, ...]]] = [(table, ())]
        passed = {table}
        while queue:
            here, path = queue.pop(0)
            for step in self._steps[here]:
                if step.parent in passed or step.parent in self.shared:
                    continue
                if step.nullable and not nullable:
                    continue
                if self._own[step.parent]:
                    return (*path, step)
                passed.add(step.parent)
                queue.append((step.parent, (*path, step)))
        return ()


def _step(table: Table, key: sqlalchemy.ForeignKeyConstraint) -> ParentKey:
    try:
        parents = [element.column for element in key.elements]
    except (NoReferencedTableError, NoReferencedColumnError) as error:
        raise TenancyModelError(str(table), f"a foreign key leads nowhere: {error}") from None
    columns = [element.parent for element in key.elements]
    return ParentKey(
        table,
        tuple(column.name for column in columns),
        parents[0].table,
        tuple(column.name for column in parents),
        any(column.nullable for column in columns),
    )


def _carried(step: ParentKey, key: OwnKey) -> OwnKey | None:
    """The child's columns that a foreign key makes equal to the parent's key, if it does."""
    if not set(key.columns) <= set(step.keys):
        return None
    pairs = dict(zip(step.keys, step.columns, strict=True))
    return _own_key(step.child, tuple(pairs[name] for name in key.columns))


def _own_key(table: Table, columns: tuple[str, ...]) -> OwnKey:
    missing = [name for name in columns if name not in table.c]
    if missing:
        raise TenancyModelError(str(table), f"has no column {missing[0]}")
    return OwnKey(columns, any(bool(table.c[name].nullable) for name in columns))


def _reaches(edges: Mapping[Table, set[Table]], start: Table, end: Table) -> bool:
    seen, queue = {start}, [start]
    while queue:
        here = queue.pop()
        if here is end:
            return True
        new = edges[here] - seen
        seen |= new
        queue += new
    return False


def _name(table: Table) -> TableName:
    return TableName(table.schema or "public", table.name)
