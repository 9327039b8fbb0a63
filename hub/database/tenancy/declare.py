"""How each table reaches its tenant: the one place to change when a table comes or goes."""

from __future__ import annotations

from hub.database.tenancy.policy import Direct, Path, Through

__all__ = ["FORMER", "GLOBAL", "TABLES"]

TABLES: dict[str, Path] = {
    "tenant": Direct("id"),
    "device": Direct(),
    "device_state": Direct(),
    "series": Direct(),
    "reading": Direct(),
    "latest": Direct(),
    "delivery": Direct(),
    # Small and seldom written. A cascaded policy looks at every row of the parent for each
    # statement: `placement` so cost a change of one device among 100,000 half a second.
    "quarantine": Through("series_id", "series"),
    "account": Direct(),
    "device_config": Direct(),
    "report_daily": Direct(),
    "key_value": Direct(),
    "calibration": Direct(),
    "hourly": Direct(),
    "daily": Direct(),
    "retention": Direct(),
    "place": Direct(),
    "placement": Direct(),
    "activity": Direct(),
    "membership": Direct(),
    "invitation": Direct(),
    # These outlive their device.
    "tick": Direct(),
    "device_name_history": Direct(),
    "device_location_id_history": Direct(),
    "device_interval_s_history": Direct(),
    "device_owner_history": Direct(),
    "device_firmware_history": Direct(),
    "device_calibration_history": Direct(),
    "wizard": Direct(),
    "token": Direct(),
    "firmware": Direct(),
    "rollout": Direct(),
    "rollout_device": Direct(),
    "rollout_event": Direct(),
    "anomaly_mute": Direct(),
}
"""Tables of tenants, parents before children."""

FORMER: dict[str, Path] = {"homekit": Direct()}
"""Tables that have another name by now, for the steps that made them."""

GLOBAL: dict[str, str] = {
    "alembic_version": "the schema's version",
    "broker_user": "names in the broker, which knows no tenants; no grants, only functions",
    "person": "people may see several tenants; no grants, only functions",
    "web_session": "a person's, who may change between tenants; no grants, only functions",
}
"""Tables without a tenant, and why."""
