"""People, memberships, invitations and sessions: asked by functions, declared for comparison."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from hub.database.tenancy.models import SharedTable
from hub.models.base import Base

__all__: list[str] = []


def _instant(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False)


def _text(name: str, *, null: bool = False) -> Column[object]:
    return Column(name, Text, nullable=null)


def _hash() -> Column[object]:
    return Column("hash", LargeBinary, nullable=False)


def _tenant(*, key: bool = False, null: bool = False) -> Column[object]:
    return Column(
        "tenant_id", Integer, ForeignKey("dormouse.tenant.id"), primary_key=key, nullable=null
    )


def _person(*, key: bool = False) -> Column[object]:
    return Column(
        "person_id", Integer, ForeignKey("dormouse.person.id", ondelete="CASCADE"),
        primary_key=key, nullable=False,
    )  # fmt: skip


Table(
    "person", Base.metadata, Column("id", Integer, primary_key=True), _text("login"),
    _text("name"), _text("password"), _instant("created_at"), _instant("changed_at"),
    _text("language", null=True),
    UniqueConstraint("login"),
    info={"tenancy": SharedTable("people may see several tenants; no grants, only functions")},
)  # fmt: skip
Table(
    "web_session", Base.metadata, Column("id", Integer, primary_key=True), _hash(), _person(),
    _tenant(null=True), _text("agent"), _instant("created_at"), _instant("used_at"),
    _instant("expires_at"), UniqueConstraint("hash"), Index("web_session_by_person", "person_id"),
    info={
        "tenancy": SharedTable(
            "a person's, who may change between tenants; no grants, only functions"
        )
    },
)  # fmt: skip
Table(
    "membership", Base.metadata, _tenant(key=True), _person(key=True), _text("role"),
    _instant("created_at"), Index("membership_by_person", "person_id"),
)  # fmt: skip
Table(
    "invitation", Base.metadata, _tenant(key=True), Column("id", Integer, primary_key=True),
    _hash(), _text("role"), _text("note"), Column("first", Boolean, nullable=False),
    _instant("created_at"), _instant("expires_at"), UniqueConstraint("hash"),
)  # fmt: skip
