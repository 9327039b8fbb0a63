"""Rollouts as rows of the database, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from hub.device_settings.schema import masked
from hub.rollouts.model import (
    DeviceHealth,
    DeviceState,
    FirmwareTarget,
    ReportSample,
    Rollout,
    RolloutDevice,
    RolloutOptions,
    RolloutPhase,
    Target,
    Transition,
)

__all__ = ["device_of", "device_rows", "event_rows", "rollout_of", "usual", "without_secrets"]

_TARGET: TypeAdapter[Target] = TypeAdapter(Target)


def without_secrets(target: FirmwareTarget | Any) -> dict[str, Any]:
    """A target as it is kept once the rollout is over."""
    stored: dict[str, Any] = target.model_dump()
    if not isinstance(target, FirmwareTarget):
        stored["changes"] = masked(stored["changes"])
    return stored


def device_rows(devices: Iterable[RolloutDevice]) -> list[dict[str, Any]]:
    """Devices for jsonb_to_recordset."""
    return [_row(device) for device in devices]


def event_rows(events: Iterable[Transition]) -> list[dict[str, Any]]:
    """Lines of history, the same."""
    return [
        {
            "device": event.device,
            "at": event.at.isoformat(),
            "what": event.what,
            "before": event.before,
            "after": event.after,
            "reason": event.reason,
            "command": event.command,
        }
        for event in events
    ]


_INSTANTS = ("due", "heard_at")
_DETAIL = ("address", "wakes", "sent", "claimed", "stranded", "gaps_before", "former")
_PLAIN = ("device", "wave", "attempts", "command", "reason", "health_reason")


def _row(device: RolloutDevice) -> dict[str, Any]:
    """A device as the columns of its row, in JSON's kinds."""
    plain = {name: getattr(device, name) for name in _PLAIN}
    detail = {name: getattr(device, name) for name in _DETAIL}
    instants = {name: _iso(getattr(device, name)) for name in _INSTANTS}
    return plain | {
        "state": device.state.value,
        "health": device.health.value,
        "owed": device.pending_clear,
        "since": _iso(device.since),
        "not_before": _iso(device.not_before),
        "baseline": {
            "before": [_sample(sample) for sample in device.before],
            "after": [_sample(sample) for sample in device.after],
        },
        "detail": {k: v for k, v in (detail | instants).items() if v is not None},
    }


def device_of(row: Mapping[str, Any]) -> RolloutDevice:
    """A device from its row, with the device's name as `device`."""
    detail = dict(row["detail"])
    for name in _INSTANTS:
        if detail.get(name):
            detail[name] = datetime.fromisoformat(detail[name])
    return RolloutDevice(
        **{name: row[name] for name in _PLAIN},
        state=DeviceState(row["state"]),
        health=DeviceHealth(row["health"]),
        pending_clear=row["owed"],
        since=row["since"],
        not_before=row["not_before"],
        before=tuple(_unsample(sample) for sample in row["baseline"].get("before", ())),
        after=tuple(_unsample(sample) for sample in row["baseline"].get("after", ())),
        **{name: value for name, value in detail.items() if name in {*_INSTANTS, *_DETAIL}},
    )


def rollout_of(row: Mapping[str, Any]) -> Rollout:
    """A rollout from its row."""
    return Rollout(
        id=row["id"],
        target=_TARGET.validate_python(row["target"]),
        options=RolloutOptions.model_validate(row["options"]),
        created_at=row["created_at"],
        created_by=row["created_by"],
        phase=RolloutPhase(row["phase"]),
        reason=row["reason"],
        wave=row["wave"],
        forgiven=row["forgiven"],
        revision=row["revision"],
    )


def _sample(sample: ReportSample) -> dict[str, Any]:
    members = {f.name: getattr(sample, f.name) for f in fields(sample)}
    given = {k: v for k, v in members.items() if v is not None and v != ()}
    return {**given, "at": sample.at.isoformat()}


def _unsample(stored: Mapping[str, Any]) -> ReportSample:
    return ReportSample(
        **{
            **stored,
            "at": datetime.fromisoformat(stored["at"]),
            "problems": tuple(stored.get("problems", ())),
        }
    )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def usual(
    awake_ms: int | None, report: Mapping[str, Any] | None, at: datetime | None
) -> ReportSample | None:
    """The mean of the last days as a report: one report alone may have been of an odd wake."""
    if awake_ms is None or report is None or at is None:
        return None
    usual_members = {name: report.get(name) for name in ("firmware", "board", "boot")}
    return ReportSample.of({**usual_members, "reset": "deepsleep", "awake_ms": awake_ms}, at)
