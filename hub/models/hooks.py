"""Tables of hooks and their runs, declared so that migrations can be compared with them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from hub.models.base import Base

__all__: list[str] = []


def _table(
    name: str, *parts: Column[object] | ForeignKeyConstraint | UniqueConstraint | Index
) -> None:
    Table(name, Base.metadata, *parts)


def _of(parent: str, column: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", column],
        [f"dormouse.{parent}.tenant_id", f"dormouse.{parent}.id"],
        ondelete="CASCADE",
    )


def _number(name: str, *, key: bool = False) -> Column[object]:
    return Column(name, Integer, primary_key=key, nullable=False)


def _text(name: str, *, null: bool = False) -> Column[object]:
    return Column(name, Text, nullable=null)


def _instant(name: str, *, null: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=null)


_table(
    "hook",
    Column("tenant_id", Integer, ForeignKey("dormouse.tenant.id"), primary_key=True),
    _number("id", key=True), _text("name"), _text("source"), _text("repository"), _text("branch"),
    Column("chain", JSONB, nullable=False), Column("tells", Boolean, nullable=False),
    _text("made_by"), _instant("created_at"), UniqueConstraint("tenant_id", "name"),
)  # fmt: skip
_table(
    "hook_secret", _number("tenant_id", key=True), _number("hook_id", key=True), _text("secret"),
    _text("status_token"), _of("hook", "hook_id"),
)  # fmt: skip
_table(
    "hook_delivery", _number("tenant_id", key=True), _number("hook_id", key=True),
    Column("digest", LargeBinary, primary_key=True), _text("key", null=True), _instant("at"),
    UniqueConstraint("tenant_id", "hook_id", "key"), _of("hook", "hook_id"),
)  # fmt: skip
_table(
    "hook_run", _number("tenant_id", key=True), _number("id", key=True), _number("hook_id"),
    _text("who"), _text("branch"), _text("commit"), Column("forced", Boolean, nullable=False),
    _text("state"), _text("reason"), Column("chain", JSONB, nullable=False),
    _instant("created_at"), _instant("began_at", null=True), _instant("ended_at", null=True),
    _of("hook", "hook_id"),
    Index("hook_run_by_hook", "tenant_id", "hook_id", text("id DESC")),
    Index(
        "hook_run_open", "tenant_id", "id",
        postgresql_where=text("state IN ('queued', 'running', 'waiting')"),
    ),
)  # fmt: skip
_table(
    "hook_step", _number("tenant_id", key=True), _number("run_id", key=True),
    _number("position", key=True), _text("kind"), _text("state"), _number("attempts"),
    _text("text"), _text("tail"), Column("detail", JSONB, nullable=False),
    _instant("began_at", null=True), _instant("ended_at", null=True), _of("hook_run", "run_id"),
)  # fmt: skip
