"""What all mapped classes share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from sqlalchemy import DateTime, ForeignKey, Identity, Integer, MetaData, text
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase, mapped_column

__all__ = ["Base", "Instant", "Key", "OwnTenant", "TenantId", "TenantKey"]

_CURRENT_TENANT = text("dormouse.current_tenant()")

Key = Annotated[int, mapped_column(Integer, Identity(always=True), primary_key=True)]
"""A number the database gives."""

TenantId = Annotated[int, mapped_column(Integer, server_default=_CURRENT_TENANT)]
"""The tenant, where a composite foreign key leads to it."""

OwnTenant = Annotated[
    int,
    mapped_column(
        Integer,
        ForeignKey("dormouse.tenant.id"),
        server_default=_CURRENT_TENANT,
        primary_key=True,
    ),
]
"""The tenant, referenced directly, as the first part of the key."""

TenantKey = Annotated[int, mapped_column(Integer, server_default=_CURRENT_TENANT, primary_key=True)]
"""The tenant, where a composite foreign key leads to it, as the first part of the key."""

Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
"""An aware time."""


class Base(AsyncAttrs, DeclarativeBase):
    """The declared schema; migrations lead to the same (a test compares them)."""

    metadata = MetaData(schema="dormouse")
