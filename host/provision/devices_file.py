"""A file that describes many devices (docs/provisioning.md): all of it is checked before use."""

from __future__ import annotations

import stat
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from host import files
from host.boards import Board
from host.errors import FileReadError
from host.provision import plan
from host.provision.errors import DevicesFileError, PlanError
from host.provision.plan import HubEndpoint, ProvisioningPlan, Wifi
from host.sources import INSTALLED, Sources

__all__ = ["DeviceEntry", "load"]

_TABLES = ("wifi", "hub", "devices")


class _Own(BaseModel):
    """What a device's table may have beside a plan's fields."""

    model_config = ConfigDict(extra="ignore", strict=True)

    serial: str = Field("", description="its serial port; without one it is asked for")
    id: str = Field("", pattern=r"^(esp8266_[0-9a-f]{8})?$", description="no other is taken for it")
    firmware: bool = Field(default=False, description="copy the firmware as well")


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """One device of the file: what it is called there, where it is, what it shall be."""

    called: str
    plan: ProvisioningPlan
    board: Board
    serial: str
    id: str
    firmware: bool


def load(path: Path, hub: HubEndpoint | None, sources: Sources = INSTALLED) -> list[DeviceEntry]:
    """The devices of the file, in its order; `hub` is meant where it names none.

    Raises FileReadError, EmptyFileError, or DevicesFileError with device, what, what is allowed.
    """
    try:
        document = tomllib.loads(files.read(path).decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DevicesFileError(path, "", f"not TOML: {error}") from None
    _check_tables(path, document)
    entries = [
        _entry(path, document, called, own, hub, sources=sources)
        for called, own in document["devices"].items()
    ]
    for what in ("id", "serial"):
        _check_unique(path, entries, what)
    _check_private(path, entries)
    return entries


def _check_tables(path: Path, document: Mapping[str, Any]) -> None:
    for name in document:
        if name not in _TABLES:
            raise DevicesFileError(path, "", f"[{name}]: unknown; allowed: {', '.join(_TABLES)}")
    devices = document.get("devices")
    if not isinstance(devices, dict) or not devices:
        raise DevicesFileError(path, "", "no device in it: [devices.<name>] describes one")
    for called, own in devices.items():
        if not isinstance(own, dict):
            raise DevicesFileError(path, called, "not a table: [devices.<name>] describes one")


def _entry(
    path: Path,
    document: Mapping[str, Any],
    called: str,
    own: Mapping[str, Any],
    hub: HubEndpoint | None,
    *,
    sources: Sources,
) -> DeviceEntry:
    fields = {name: own[name] for name in own if name not in _Own.model_fields}
    common = {name: document[name] for name in ("wifi", "hub") if name in document}
    if hub and "hub" not in {*common, *own}:
        common["hub"] = hub.model_dump()
    try:
        beside = _Own.model_validate(own)
        desired = ProvisioningPlan.model_validate({"name": called, **common, **fields})
        board = plan.check_board(desired.board, sources)
        plan.settings(desired, board, sources)
    except ValidationError as error:
        raise DevicesFileError(path, called, _validation_text(error)) from None
    except PlanError as error:
        raise DevicesFileError(path, called, str(error)) from None
    return DeviceEntry(called, desired, board, beside.serial, beside.id, beside.firmware)


def _validation_text(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "extra_forbidden":
            known = {
                "wifi": Wifi.model_fields,
                "hub": HubEndpoint.model_fields,
            }.get(str(first["loc"][0]), {**ProvisioningPlan.model_fields, **_Own.model_fields})
            return f"{field}: unknown; allowed: {', '.join(known)}"
        case "missing":
            open_too = ': its password, or "" for an open network' if field == "wifi.key" else ""
            return f"{field}: missing{open_too}"
        case _:
            # Never the value: it may be a password.
            return f"{field}: {first['msg']}"


def _check_unique(path: Path, entries: list[DeviceEntry], what: str) -> None:
    seen: dict[str, str] = {}
    for entry in entries:
        value = getattr(entry, what)
        if value and value in seen:
            raise DevicesFileError(path, entry.called, f"{what}: {seen[value]} has {value} too")
        seen[value] = entry.called


def _check_private(path: Path, entries: list[DeviceEntry]) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise FileReadError(f"{path}: cannot be read: {error.strerror}") from None
    # Windows has no such modes: there every file says that everybody may read it.
    readable = sys.platform != "win32" and mode & (stat.S_IRGRP | stat.S_IROTH)
    if readable and any(entry.plan.wifi.key for entry in entries):
        raise DevicesFileError(
            path, "", f"a WiFi password is in it and others may read it: chmod 600 {path}"
        )
