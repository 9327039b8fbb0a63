"""How the declared tables belong to tenants, as hub/database/tenancy finds it in them."""

from __future__ import annotations

from hub.database.roles import APP_GROUP
from hub.database.tenancy.declaration import Declaration, TableName
from hub.database.tenancy.models import declaration
from hub.models.base import Base

__all__ = ["declared"]

_SHARED = {TableName("dormouse", "alembic_version"): "the schema's version"}


def declared(allowed: tuple[str, ...] = ()) -> Declaration:
    """What the models declare. Raises TenancyModelError."""
    return declaration(Base, roles=[APP_GROUP], allowed=allowed, shared=_SHARED)
