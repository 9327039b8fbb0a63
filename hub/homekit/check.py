"""The checklist that an accessory database must pass before a home gets to see it.

HAP-python publishes whatever it is given; an Apple home that is shown a database with one of
these faults ignores the accessory, or drops the whole bridge with its rooms and automations.
Pure: it reads the JSON that a controller would be sent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.homekit.definitions import CHARACTERISTICS, INFORMATION, SERVICES, Characteristic
from contracts.homekit.values import proper_name

__all__ = ["StateFault", "check"]

_BASE = "-0000-1000-8000-0026BB765291"
_MAX_ACCESSORIES = 150
_MAX_SERVICES = 100
_MAX_ID = 2**53  # what JSON readers hold exactly
_REVISION = re.compile(r"[0-9]+(\.[0-9]+){0,2}", re.ASCII)
_FORMATS: Mapping[str, type | tuple[type, ...]] = {
    "bool": bool,
    "float": (int, float),
    "string": str,
    "tlv8": str,
    "data": str,
}
# The bridge's own; HAP-python builds it.
_PROTOCOL_INFORMATION = "A2"


@dataclass(frozen=True, slots=True)
class StateFault:
    """What is wrong, where. `service` is an iid, None where the whole accessory must be held."""

    aid: int
    service: int | None
    reason: str


def _short(uuid: str) -> str:
    upper = uuid.upper()
    return upper.removesuffix(_BASE).lstrip("0") if upper.endswith(_BASE) else upper


def _by_type() -> tuple[dict[str, set[str]], dict[str, Characteristic]]:
    """What each type of service may carry, and each type of characteristic.

    HAP gives Speaker and TelevisionSpeaker one type.
    """
    carried: dict[str, set[str]] = {_PROTOCOL_INFORMATION: {"Version"}}
    for service in SERVICES.values():
        carried.setdefault(_short(service.uuid), set()).update(service.required, service.optional)
    return carried, {_short(kind.uuid): kind for kind in CHARACTERISTICS.values()}


_CARRIED, _KINDS = _by_type()
_INFORMATION = _short(SERVICES[INFORMATION].uuid)


def check(accessories: Iterable[Mapping[str, Any]]) -> list[StateFault]:
    """Every fault of a bridge's database (the list under "accessories"); none: safe to publish."""
    faults: list[StateFault] = []
    seen: set[int] = set()
    serials: set[str] = set()
    for count, accessory in enumerate(accessories, 1):
        aid = accessory["aid"]
        reason = _aid_fault(aid, seen)
        if count > _MAX_ACCESSORIES:
            reason = f"more than {_MAX_ACCESSORIES} accessories"
        seen.add(aid)
        if reason:
            faults.append(StateFault(aid, None, reason))
            continue
        faults += _accessory_faults(accessory, serials)
    return faults


def _aid_fault(aid: object, seen: set[int]) -> str | None:
    if not isinstance(aid, int) or not 1 <= aid < _MAX_ID or aid == 7:
        return f"aid {aid} is not allowed"
    return f"aid {aid} is given twice" if aid in seen else None


def _accessory_faults(accessory: Mapping[str, Any], serials: set[str]) -> Iterator[StateFault]:
    aid, services = accessory["aid"], accessory["services"]
    if len(services) > _MAX_SERVICES:
        yield StateFault(aid, None, f"{len(services)} services, at most {_MAX_SERVICES}")
    information = [s for s in services if s["type"] == _INFORMATION]
    if len(information) != 1 or information[0]["iid"] != 1:
        yield StateFault(aid, None, "there must be exactly one AccessoryInformation, with iid 1")
        return
    for reason in _information_faults(information[0], serials):
        yield StateFault(aid, None, reason)
    iids: set[int] = set()
    for service in services:
        for reason in _service_faults(service, iids):
            yield StateFault(aid, None if service in information else service["iid"], reason)


def _information_faults(service: Mapping[str, Any], serials: set[str]) -> Iterator[str]:
    information = {
        _KINDS[c["type"]].name: c.get("value")
        for c in service["characteristics"]
        if c["type"] in _KINDS
    }
    missing = [c for c in SERVICES[INFORMATION].required if c not in information]
    if missing:
        yield f"AccessoryInformation lacks {missing[0]}"
        return
    for name in ("SerialNumber", "Model"):
        if len(information[name]) < 2:
            yield f"{name} {information[name]!r} is shorter than 2 characters"
    if not information["Manufacturer"]:
        yield "Manufacturer is empty"
    if not proper_name(information["Name"]):
        yield f"Name {information['Name']!r} is no name that HomeKit takes"
    if not _REVISION.fullmatch(information["FirmwareRevision"]):
        yield f"FirmwareRevision {information['FirmwareRevision']!r} is not x.y.z in digits"
    if information["SerialNumber"] in serials:
        yield f"SerialNumber {information['SerialNumber']!r} is another accessory's"
    serials.add(information["SerialNumber"])


def _iid_fault(iid: object, iids: set[int]) -> str | None:
    if not isinstance(iid, int) or not 1 <= iid < _MAX_ID:
        return f"iid {iid} is not allowed"
    if iid in iids:
        return f"iid {iid} is given twice"
    iids.add(iid)
    return None


def _service_faults(service: Mapping[str, Any], iids: set[int]) -> Iterator[str]:
    if reason := _iid_fault(service["iid"], iids):
        yield reason
    carried = _CARRIED.get(service["type"])
    if carried is None:
        yield f"no service has type {service['type']}"
        return
    types: set[str] = set()
    for characteristic in service["characteristics"]:
        if reason := _iid_fault(characteristic["iid"], iids):
            yield reason
        kind = _KINDS.get(characteristic["type"])
        if kind is None or kind.name not in carried:
            yield f"characteristic {characteristic['type']} does not belong there"
            continue
        if characteristic["type"] in types:
            yield f"{kind.name} is there twice"
        types.add(characteristic["type"])
        if reason := _value_fault(kind, characteristic):
            yield reason


def _value_fault(kind: Characteristic, declared: Mapping[str, Any]) -> str | None:
    """Format, range and finiteness, against what the database itself declares."""
    if "value" not in declared or declared["value"] is None:
        # A button's press is an event; reading it yields nothing.
        must_have_value = kind.readable and kind.name != "ProgrammableSwitchEvent"
        return f"{kind.name} has no value" if must_have_value else None
    value = declared["value"]
    if not isinstance(value, _FORMATS.get(declared["format"], int)) or (
        isinstance(value, bool) != (declared["format"] == "bool")
    ):
        return f"{kind.name}: {value!r} is not {declared['format']}"
    text = isinstance(value, str)
    return _text_fault(kind, value, declared) if text else _number_fault(kind, value, declared)


def _number_fault(kind: Characteristic, value: Any, declared: Mapping[str, Any]) -> str | None:
    if not math.isfinite(value):
        return f"{kind.name}: {value!r} is not finite"
    if not declared.get("minValue", value) <= value <= declared.get("maxValue", value):
        return f"{kind.name}: {value!r} is out of range"
    if value not in declared.get("valid-values", (value,)):
        return f"{kind.name}: {value!r} is not a valid value"
    return None


def _text_fault(kind: Characteristic, value: Any, declared: Mapping[str, Any]) -> str | None:
    longest = declared.get("maxLen", 64)
    if kind.format == "string" and len(value) > longest:
        return f"{kind.name} is {len(value)} characters long, at most {longest}"
    if kind.name == "ConfiguredName" and not proper_name(value):
        return f"{kind.name} {value!r} is no name that HomeKit takes"
    return None
