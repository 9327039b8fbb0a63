"""Tables that are asked in SQL, declared so that migrations can be compared with them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
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
from sqlalchemy.dialects.postgresql import ARRAY, INT4MULTIRANGE, INTERVAL, JSONB, REGCLASS, UUID

from hub.database.tenancy.models import SharedTable, TenantModel, TenantRules
from hub.models.base import Base

__all__: list[str] = []

_INSTANT = DateTime(timezone=True)


def _table(
    name: str,
    *parts: Column[object] | ForeignKeyConstraint | UniqueConstraint | Index,
    tenancy: TenantModel | SharedTable | TenantRules | None = None,
) -> None:
    Table(name, Base.metadata, *parts, info={} if tenancy is None else {"tenancy": tenancy})


def _of(parent: str, column: str, *, cascade: bool = True) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", column],
        [f"dormouse.{parent}.tenant_id", f"dormouse.{parent}.id"],
        ondelete="CASCADE" if cascade else None,
    )


def _tenant(*, key: bool = False) -> Column[object]:
    return Column(
        "tenant_id", Integer, ForeignKey("dormouse.tenant.id"), primary_key=key, nullable=False
    )


def _number(name: str, *, key: bool = False, null: bool = False) -> Column[object]:
    return Column(name, Integer, primary_key=key, nullable=null)


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[object]:
    return Column(name, Text, primary_key=key, nullable=null)


def _instant(name: str, *, null: bool = False) -> Column[object]:
    return Column(name, _INSTANT, nullable=null)


_table(
    "tenant", _number("id", key=True), _text("name"), _instant("created_at"),
    UniqueConstraint("name"), tenancy=TenantModel(),
)  # fmt: skip
_table(
    "device_state", _number("tenant_id", key=True), _number("device_id", key=True),
    _instant("seen_at", null=True), _instant("next_wake_at", null=True),
    Column("report", JSONB), _instant("report_at", null=True),
    Column("attributes", JSONB, nullable=False),
    Column("document", JSONB, Computed("coalesce(report, '{}') || attributes", persisted=True)),
    _text("clock_boot", null=True), Column("clock_offset", Double),
    _of("device", "device_id"),
    Index(
        "device_state_document", "document", postgresql_using="gin",
        postgresql_ops={"document": "jsonb_path_ops"},
    ),
)  # fmt: skip
_table(
    "latest", _number("tenant_id", key=True), _number("series_id", key=True), _instant("at"),
    Column("value", Double), _text("text", null=True),
    _of("series", "series_id", cascade=False),
)  # fmt: skip
_table(
    "delivery", _number("tenant_id", key=True), _number("device_id", key=True),
    _text("boot", key=True), Column("seqs", INT4MULTIRANGE, nullable=False), _number("lost"),
    _instant("first_at"), _instant("last_at"), _of("device", "device_id"),
)  # fmt: skip
_table(
    "arrival", _number("tenant_id"), _number("series_id"), _instant("at"), _text("boot"),
    Column("clock_offset", Double, nullable=False), _of("series", "series_id"),
    Index("arrival_by_boot", "tenant_id", "boot", "clock_offset"),
)  # fmt: skip
_table(
    "quarantine", _number("tenant_id", key=True), Column("id", BigInteger, primary_key=True),
    _number("series_id"), _instant("at"), Column("value", Double), _text("text", null=True),
    _text("reason"), _instant("received_at"), _of("series", "series_id"),
    Index("quarantine_by_tenant", "tenant_id", "received_at"),
    # As it was made first: by its series, whose own policy applies within. Seldom written.
    tenancy=TenantRules(
        clauses={"ALL": "series_id IN (SELECT series.id FROM dormouse.series)"}
    ),
)  # fmt: skip
_table(
    "account", _tenant(key=True), _text("device", key=True), _text("password"), _text("state"),
    _text("model"), _text("firmware"), _instant("created_at"), _instant("changed_at"),
    Column("commands", Boolean, nullable=False),
)  # fmt: skip
_table(
    "device_config", _number("tenant_id", key=True), _number("device_id", key=True),
    _number("version", key=True), Column("settings", JSONB, nullable=False),
    Column("secrets", JSONB), _text("who"), _text("why"), _instant("at"),
    _instant("reported_at", null=True), _text("problem", null=True), _of("device", "device_id"),
)  # fmt: skip
_table(
    "report_daily", _number("tenant_id", key=True), _number("device_id", key=True),
    Column("day", Date, primary_key=True), _number("reports"),
    _number("battery_first", null=True), _number("battery_last", null=True),
    _number("battery_low", null=True), Column("rssi_total", BigInteger, nullable=False),
    _number("rssi_count"), Column("awake_total", BigInteger, nullable=False),
    _number("awake_count"), _number("awake_high", null=True), _number("heap_low", null=True),
    _number("watchdogs"), _instant("watchdog_at", null=True), _number("powers"),
    _instant("power_at", null=True), _of("device", "device_id"),
)  # fmt: skip
_table(
    "broker_user", _text("name", key=True), _tenant(),
    tenancy=SharedTable("names in the broker, which knows no tenants; no grants, only functions"),
)  # fmt: skip
_table(
    "expiring", Column("target", REGCLASS, nullable=False),
    Column("keep", INTERVAL, nullable=False), _text("aged_by"), _text("written", null=True),
    tenancy=SharedTable("of a transaction alone, empty when it ends; no grants, only functions"),
)  # fmt: skip
_table(
    "lease", _text("name", key=True), _text("holder"), _text("host"), _number("pid"),
    _text("version"), _instant("since"), _instant("seen"),
    tenancy=SharedTable("who may be the hub, of all tenants; no grants, only functions"),
)  # fmt: skip
_table(
    "key_value", _tenant(key=True), _text("owner", key=True), _text("area", key=True),
    _text("key", key=True), Column("value", JSONB, nullable=False),
    Index(
        "accessory_ids", "tenant_id", text("(value ->> 'bridge')"), text("(value ->> 'aid')"),
        unique=True, postgresql_where=text("owner = 'homekit' AND area = 'accessory'"),
    ),
)  # fmt: skip
_table(
    "retention", _tenant(key=True), _number("id", key=True), _number("series_id", null=True),
    _text("characteristic", null=True), _number("raw_days", null=True),
    _number("hourly_days", null=True), _number("daily_days", null=True),
    UniqueConstraint(
        "tenant_id", "series_id", "characteristic", postgresql_nulls_not_distinct=True
    ),
    _of("series", "series_id"),
)  # fmt: skip
_table(
    "day_bin", _number("tenant_id", key=True), _number("series_id", key=True),
    _text("zone", key=True), Column("start", _INSTANT, primary_key=True), _instant("until"),
    _number("n"),
    Column("total", Double), Column("low", Double), Column("high", Double), Column("last", Double),
    Column("area", Double), Column("seconds", Double, nullable=False), Column("rise", Double),
    Column("states", JSONB),
    Column("cells", Text, Computed(
        "dormouse.bin_cells(n, total, low, high, last, area, seconds, rise, states)",
        persisted=True,
    )),
    _of("series", "series_id"),
)  # fmt: skip
_table(
    "wizard", _tenant(key=True), _text("person", key=True), _text("wizard", key=True),
    _text("draft", key=True), Column("answers", JSONB, nullable=False), _text("at_step", null=True),
    _instant("changed_at"),
)  # fmt: skip
_table(
    "saved_search", _tenant(key=True), _number("id", key=True), _number("person_id", null=True),
    _text("name"), _text("path"), _text("made_by"), _instant("created_at"),
    UniqueConstraint("tenant_id", "person_id", "name", postgresql_nulls_not_distinct=True),
    ForeignKeyConstraint(
        ["tenant_id", "person_id"],
        ["dormouse.membership.tenant_id", "dormouse.membership.person_id"], ondelete="CASCADE",
    ),
)  # fmt: skip
_table(
    "token", _tenant(key=True), _number("id", key=True), _text("name"),
    Column("hash", LargeBinary, nullable=False), Column("scopes", ARRAY(Text), nullable=False),
    _text("made_by"), _instant("created_at"), _instant("expires_at", null=True),
    _instant("used_at", null=True),
)  # fmt: skip
_table(
    "rollout", _tenant(key=True), _number("id", key=True), _text("kind"),
    Column("target", JSONB, nullable=False), Column("options", JSONB, nullable=False),
    _number("image_id", null=True), _text("phase"), _text("reason"), _number("wave"),
    _number("forgiven"), _number("revision"), _text("created_by"), _instant("created_at"),
    _instant("changed_at"), Column("last_step", UUID),
)  # fmt: skip
_table(
    "rollout_device", _number("tenant_id", key=True), _number("rollout_id", key=True),
    _number("device_id", key=True), _number("wave"), _text("state"), _number("attempts"),
    Column("command", BigInteger, nullable=False), _text("reason"), _instant("since"),
    _instant("not_before", null=True), Column("owed", Boolean, nullable=False), _text("health"),
    _text("health_reason"), Column("baseline", JSONB, nullable=False),
    Column("detail", JSONB, nullable=False),
    _of("rollout", "rollout_id", cascade=False), _of("device", "device_id"),
    Index(
        "rollout_device_open", "tenant_id", "device_id", unique=True,
        postgresql_where=text("state NOT IN ('updated', 'failed', 'skipped')"),
    ),
    Index("rollout_device_by_device", "tenant_id", "device_id", "command"),
)  # fmt: skip
_table(
    "rollout_event", _number("tenant_id", key=True), Column("id", BigInteger, primary_key=True),
    _number("rollout_id"), _number("device_id", null=True), _instant("at"), _text("what"),
    _text("before"), _text("after"), _text("reason"), Column("command", BigInteger),
    _of("rollout", "rollout_id", cascade=False), _of("device", "device_id"),
    Index("rollout_event_by_rollout", "tenant_id", "rollout_id", "id"),
)  # fmt: skip
_table(
    "removal", _tenant(key=True), _number("id", key=True), _text("what"), _text("device"),
    _text("series", null=True), _instant("since", null=True), _instant("until", null=True),
    _text("who"), _text("why"), _instant("at"),
    Column("readings", BigInteger, nullable=False), _number("bins_kept"),
    _instant("finished_at", null=True),
)  # fmt: skip
_table(
    "history_import", _tenant(key=True), _number("id", key=True), _text("source"), _text("form"),
    _text("who"), _instant("at"),
    Column("lines", BigInteger, nullable=False), Column("stored", BigInteger, nullable=False),
    Column("there", BigInteger, nullable=False), Column("refused", BigInteger, nullable=False),
    _text("error"), _instant("finished_at", null=True),
)  # fmt: skip
_table(
    "series_source", _number("tenant_id", key=True), _number("series_id", key=True),
    Column("at", _INSTANT, primary_key=True), _text("unit"),
    Column("gain", Double, nullable=False), Column("offset_by", Double, nullable=False),
    _of("series", "series_id"),
)  # fmt: skip
_table(
    "anomaly_mute", _number("tenant_id", key=True), _number("series_id", key=True),
    _text("kind", key=True), _instant("until", null=True), _text("who"), _instant("at"),
    _of("series", "series_id"),
)  # fmt: skip
