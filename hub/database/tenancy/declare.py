"""What this version declares of its own database: made from hub/models, recorded in a file.

`python -m hub.models.record_tenancy` writes declared.json anew from the models and from a database
that is migrated with it. So the hub knows it without SQLAlchemy, which takes 20 MB.
"""

from __future__ import annotations

import json
from importlib.resources import files

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from hub.database.roles import APP_GROUP
from hub.database.tenancy.declaration import (
    Declaration,
    OwnKey,
    TableName,
    TableTenancy,
    TenantSetting,
)

__all__ = ["DECLARATION", "FILE", "FORMER", "GLOBAL", "TABLES", "from_json", "to_json"]

FILE = "declared.json"


@dataclass(frozen=True)
class _Recorded:
    tables: tuple[TableTenancy, ...]
    shared: dict[str, str]
    allowed: tuple[str, ...]


_RECORDED = TypeAdapter(_Recorded)
_SCHEMA = "dormouse"


def to_json(declared: Declaration) -> str:
    """A declaration of tables of ours as the file has it."""
    recorded = _Recorded(
        declared.tables,
        {name.table: why for name, why in sorted(declared.shared.items())},
        declared.allowed,
    )
    parts = _RECORDED.dump_python(recorded, mode="json", exclude_defaults=True)
    # A table or a fact a line, so that a change shows what it changes.
    tables, allowed = (
        "[\n" + ",\n".join(json.dumps(one) for one in parts.get(name, ())) + "\n]"
        for name in ("tables", "allowed")
    )
    shared = json.dumps(parts["shared"], indent=0)
    return f'{{\n"tables": {tables},\n"shared": {shared},\n"allowed": {allowed}\n}}\n'


def from_json(text: str | bytes) -> Declaration:
    """The declaration that a file has. Raises pydantic.ValidationError."""
    recorded = _RECORDED.validate_json(text)
    shared = {TableName(_SCHEMA, name): why for name, why in recorded.shared.items()}
    return Declaration(TenantSetting(), recorded.tables, shared, (APP_GROUP,), recorded.allowed)


DECLARATION = from_json(files("hub.database.tenancy").joinpath(FILE).read_bytes())

TABLES: dict[str, TableTenancy] = {one.table.table: one for one in DECLARATION.tables}
"""Tables of tenants, by their names."""

FORMER: dict[str, TableTenancy] = {
    "homekit": TableTenancy(TableName(_SCHEMA, "homekit"), (OwnKey(("tenant_id",)),))
}
"""Tables that have another name by now, for the steps that made them."""

GLOBAL: dict[str, str] = {name.table: why for name, why in DECLARATION.shared.items()}
"""Tables without a tenant, and why."""
