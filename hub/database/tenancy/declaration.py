"""What is declared of a database's tenants: values without I/O, as models or a file give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

__all__ = [
    "Clause",
    "Command",
    "Declaration",
    "Fill",
    "Link",
    "OwnKey",
    "TableName",
    "TableTenancy",
    "TenantSetting",
]

Command = Literal["ALL", "SELECT", "INSERT", "UPDATE", "DELETE"]


class TableName(NamedTuple):
    """A table with its schema."""

    schema: str
    table: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True)
class TenantSetting:
    """The settings of a transaction that say whose it is, one for each column of a tenant's key.

    `types` are Postgres' names of the columns' types, such as `integer`, `uuid`, `text`.
    """

    names: tuple[str, ...] = ("dormouse.tenant",)
    types: tuple[str, ...] = ("integer",)


@dataclass(frozen=True, slots=True)
class OwnKey:
    """Columns of the table itself that hold a tenant's key, in the order of that key."""

    columns: tuple[str, ...]
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A foreign key to a table that has a tenant, which says by its own policy who may see it."""

    columns: tuple[str, ...]
    parent: TableName
    keys: tuple[str, ...]
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """What a row must meet to be seen (`using`) and to be written (`check`), in SQL.

    `{tenant}` stands for the condition that the foreign keys give. None: as the other says.
    """

    using: str | None = None
    check: str | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """Columns that a trigger fills with the key of the tenant that `path` leads to.

    The last table of the path has the key in `source`, its own columns.
    """

    columns: tuple[str, ...]
    path: tuple[Link, ...]
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableTenancy:
    """How one table belongs to tenants: a row is seen when all of `own` and `links` allow it.

    `checked` are links that a trigger looks at whenever a row is written, where a policy cannot
    (it would ask itself) or should not (the table has the key in columns that are filled).
    `clauses` replace the condition for a command, or for all.
    """

    table: TableName
    own: tuple[OwnKey, ...] = ()
    links: tuple[Link, ...] = ()
    checked: tuple[Link, ...] = ()
    clauses: Mapping[Command, Clause] = field(default_factory=dict)
    fill: Fill | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """A database's tenants: each table's tenancy, those that all share and why, and the rest.

    `roles` are those of the application, which row-level security must bind. `allowed` says what
    else there may be (grants, views that run as their owner, functions, ...), a line each as
    `hub.database.tenancy.facts` gives them.
    """

    setting: TenantSetting
    tables: tuple[TableTenancy, ...]
    shared: Mapping[TableName, str]
    roles: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()

    @property
    def schemas(self) -> list[str]:
        """The schemas that have tables of it."""
        names = [one.table for one in self.tables] + list(self.shared)
        return sorted({name.schema for name in names})
