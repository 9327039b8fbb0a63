"""Tables of what people are told, declared so that migrations can be compared with them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    Time,
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


def _of(parent: str, column: str, ondelete: str = "CASCADE") -> ForeignKeyConstraint:
    key = "person_id" if parent == "membership" else "id"
    return ForeignKeyConstraint(
        ["tenant_id", column],
        [f"dormouse.{parent}.tenant_id", f"dormouse.{parent}.{key}"],
        ondelete=ondelete,
    )


def _tenant() -> Column[object]:
    return Column(
        "tenant_id", Integer, ForeignKey("dormouse.tenant.id"), primary_key=True, nullable=False
    )


def _number(name: str, *, key: bool = False, null: bool = False) -> Column[object]:
    return Column(name, Integer, primary_key=key, nullable=null)


def _large(name: str, *, key: bool = False, null: bool = False) -> Column[object]:
    return Column(name, BigInteger, primary_key=key, nullable=null)


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[object]:
    return Column(name, Text, primary_key=key, nullable=null)


def _instant(name: str, *, null: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=null)


def _flag(name: str) -> Column[object]:
    return Column(name, Boolean, nullable=False)


def _named() -> UniqueConstraint:
    return UniqueConstraint("tenant_id", "person_id", "name", postgresql_nulls_not_distinct=True)


_table(
    "notify_channel", _tenant(), _number("id", key=True), _number("person_id", null=True),
    _text("name"), _text("kind"), _text("shown"), _flag("anywhere"),
    Column("quiet_from", Time), Column("quiet_until", Time), _flag("quiet_weekends"),
    Column("digest_at", Time), _text("made_by"), _instant("created_at"),
    _instant("sent_at", null=True), _instant("failed_at", null=True), _text("error"),
    _named(), _of("membership", "person_id"),
)  # fmt: skip
_table(
    "notify_secret", _number("tenant_id", key=True), _number("channel_id", key=True),
    _text("address"), _text("signing"), _of("notify_channel", "channel_id"),
)  # fmt: skip
_table(
    "notify_rule", _tenant(), _number("id", key=True), _number("person_id", null=True),
    _text("name"), _text("kind"), _number("place_id", null=True), _number("device_id", null=True),
    Column("options", JSONB, nullable=False), _flag("urgent"), _flag("enabled"),
    _text("made_by"), _instant("created_at"), _number("escalate_after_s", null=True),
    _named(), _of("membership", "person_id"), _of("place", "place_id"), _of("device", "device_id"),
)  # fmt: skip
_table(
    "notify_rule_channel", _number("tenant_id", key=True), _number("rule_id", key=True),
    _number("channel_id", key=True), _flag("escalated"), _of("notify_rule", "rule_id"),
    _of("notify_channel", "channel_id"),
)  # fmt: skip
_table(
    "notify_alert", _tenant(), _large("id", key=True), _number("rule_id", null=True),
    _number("person_id", null=True), _text("kind"), _text("subject"),
    _number("device_id", null=True), _number("place_id", null=True), _text("name"), _text("text"),
    _flag("urgent"), _instant("since"), _instant("opened_at"), _instant("ended_at", null=True),
    _text("ended_text"), _instant("acknowledged_at", null=True),
    _text("acknowledged_by", null=True),
    _of("notify_rule", "rule_id", "SET NULL (rule_id)"), _of("membership", "person_id"),
    _of("device", "device_id", "SET NULL (device_id)"),
    _of("place", "place_id", "SET NULL (place_id)"),
    Index(
        "notify_alert_open", "tenant_id", "rule_id", "subject", unique=True,
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index("notify_alert_opened", "tenant_id", text("opened_at DESC")),
    Index(
        "notify_alert_channel", "tenant_id", "subject", unique=True,
        postgresql_where=text("kind = 'channel' AND ended_at IS NULL"),
    ),
    Index("notify_alert_removed", "tenant_id", postgresql_where=text("device_id IS NULL")),
)  # fmt: skip
_table(
    "notify_message", _number("tenant_id", key=True), _large("id", key=True),
    _number("channel_id"), _text("key"), _text("title"), _text("body"),
    Column("payload", JSONB, nullable=False), _instant("created_at"),
    _instant("next_at", null=True), _number("attempts"), _instant("sent_at", null=True),
    _instant("dead_at", null=True), _text("error"), _of("notify_channel", "channel_id"),
    Index(
        "notify_message_next", "tenant_id", "next_at",
        postgresql_where=text("next_at IS NOT NULL"),
    ),
)  # fmt: skip
_table(
    "notify_due", _number("tenant_id", key=True), _large("alert_id", key=True),
    _number("channel_id", key=True), _text("what", key=True), _instant("due_at"),
    _large("message_id", null=True), _of("notify_alert", "alert_id"),
    _of("notify_channel", "channel_id"), _of("notify_message", "message_id"),
    Index("notify_due_at", "tenant_id", "due_at", postgresql_where=text("message_id IS NULL")),
)  # fmt: skip
