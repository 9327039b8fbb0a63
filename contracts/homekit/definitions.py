"""Services and characteristics that HomeKit knows, and the well-known ones of vendors.

The definitions are HAP-python's JSON files plus definitions.json beside this module, which
declares the vendor types (Eve's UUIDs, the ones other apps read), optional characteristics that
HAP allows and HAP-python leaves out, limits that real sensors need, each service's main
characteristic, defaults, and which changes must not wait.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

from contracts.reading import Value

__all__ = [
    "CHARACTERISTICS",
    "INFORMATION",
    "SERVICES",
    "Characteristic",
    "Service",
    "belongs",
]

INFORMATION = "AccessoryInformation"
"""The service every accessory has exactly once; it is fed by name, never quarantined."""

# What an integer format holds; a characteristic's own limits narrow it.
_INTEGERS = {
    "uint8": (0, 2**8 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "int": (-(2**31), 2**31 - 1),
}
# HAP's default and longest text; "data" and "tlv8" are base64 and may be longer.
_TEXT = 64
_BLOB = 2048
_EMPTY: dict[str, Value] = {"bool": False, "float": 0.0, "string": "", "data": "", "tlv8": ""}


@dataclass(frozen=True, slots=True)
class Characteristic:
    """A type of characteristic: format, permissions and what values it takes.

    `format` is HAP's (bool, uint8..uint64, int, float, string, tlv8, data); `minimum` and
    `maximum` are inclusive and None where there is no bound; `valid` lists the only values
    allowed, or is empty; `length` is the longest text in characters. `least` and `most` are how
    far an accessory may move its limits (a thermostat for a cold store), and what a device may
    report. `follows` names the characteristic of the same service whose value stands in until
    this one was fed.
    """

    name: str
    uuid: str
    format: str
    permissions: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    least: float | None
    most: float | None
    step: float | None
    unit: str | None
    valid: tuple[int, ...]
    length: int
    default: Value
    follows: str | None
    immediate: bool

    @property
    def readable(self) -> bool:
        """A controller may read it."""
        return "pr" in self.permissions

    @property
    def writable(self) -> bool:
        """A controller may write it."""
        return "pw" in self.permissions

    @property
    def integral(self) -> bool:
        """Its values are whole numbers."""
        return self.format in _INTEGERS

    @property
    def two_state(self) -> bool:
        """It is true or false, whatever HAP stores it as."""
        return self.format == "bool" or self.valid == (0, 1)

    def only_read(self) -> Characteristic:
        """The same, which no controller writes."""
        kept = tuple(one for one in self.permissions if one not in {"pw", "tw"})
        return dataclasses.replace(self, permissions=kept)

    def limited(
        self,
        minimum: float | None = None,
        maximum: float | None = None,
        step: float | None = None,
        valid: tuple[int, ...] = (),
    ) -> Characteristic:
        """The same with other limits, which are then the widest too; None or (): as it is."""
        low = self.minimum if minimum is None else minimum
        high = self.maximum if maximum is None else maximum
        return dataclasses.replace(
            self,
            minimum=low,
            maximum=high,
            least=self.least if minimum is None else minimum,
            most=self.most if maximum is None else maximum,
            step=step or self.step,
            valid=valid or self.valid,
            default=_allowed(self.default, low, high, valid or self.valid),
        )


@dataclass(frozen=True, slots=True)
class Service:
    """A type of service. `main` is the characteristic that must be seen before it is shown."""

    name: str
    uuid: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    main: str
    category: int


def _allowed(
    default: Value, low: float | None, high: float | None, valid: tuple[int, ...]
) -> Value:
    """The default, or what is allowed nearest to it."""
    if isinstance(default, bool | str):
        return default
    if valid:
        return default if default in valid else valid[0]
    near = default if low is None else max(default, low)
    near = near if high is None else min(near, high)
    return float(near) if isinstance(default, float) else int(near)


def belongs(service: str, characteristic: str) -> bool:
    """Whether a known service may carry that characteristic."""
    known = SERVICES.get(service)
    return known is not None and (
        characteristic in known.required or characteristic in known.optional
    )


def _load(package: str, *path: str) -> dict[str, Any]:
    text = resources.files(package).joinpath(*path).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@functools.cache
def _ours() -> dict[str, Any]:
    return _load("contracts.homekit", "definitions.json")


def _bounds(raw: Mapping[str, Any]) -> tuple[float | None, float | None]:
    low, high = raw.get("minValue"), raw.get("maxValue")
    if raw["Format"] in _INTEGERS:
        least, most = _INTEGERS[raw["Format"]]
        return (least if low is None else low), (most if high is None else high)
    return low, high


def _default(raw: Mapping[str, Any], low: float | None, high: float | None) -> Value:
    """The smallest valid value, or the nearest to zero that the range allows."""
    if valid := raw.get("ValidValues"):
        return int(min(valid.values()))
    if raw["Format"] in _EMPTY and raw["Format"] != "float":
        return _EMPTY[raw["Format"]]
    near = max(low or 0, 0) if high is None else min(max(low or 0, 0), high)
    return float(near) if raw["Format"] == "float" else int(near)


def _characteristic(name: str, raw: Mapping[str, Any]) -> Characteristic:
    low, high = _bounds(raw)
    widest: Mapping[str, Any] = _ours()["widest"].get(name, {})
    default = _ours()["defaults"].get(name, _default(raw, low, high))
    return Characteristic(
        name=name,
        uuid=raw["UUID"],
        format=raw["Format"],
        permissions=tuple(raw["Permissions"]),
        minimum=low,
        maximum=high,
        least=widest.get("minValue", low),
        most=widest.get("maxValue", high),
        step=raw.get("minStep"),
        unit=raw.get("unit"),
        valid=tuple(sorted(raw.get("ValidValues", {}).values())),
        length=_TEXT if raw["Format"] == "string" else _BLOB,
        default=float(default) if raw["Format"] == "float" else default,
        follows=_ours()["follows"].get(name),
        immediate=name in _ours()["immediate"],
    )


def _service(name: str, raw: Mapping[str, Any]) -> Service:
    required = tuple(raw["RequiredCharacteristics"])
    also = _ours()["also"].get(name, []) + ([] if name == INFORMATION else _ours()["also"]["*"])
    optional = (c for c in (*raw["OptionalCharacteristics"], *also) if c not in required)
    return Service(
        name=name,
        uuid=raw["UUID"],
        required=required,
        optional=tuple(dict.fromkeys(optional)),
        main=_ours()["main"].get(name, required[0]),
        # 1 is HAP's "other"
        category=_ours()["categories"].get(name, 1),
    )


def _all_characteristics() -> Mapping[str, Characteristic]:
    raw = _load("pyhap", "resources", "characteristics.json") | _ours()["characteristics"]
    limits = _ours()["limits"]
    return {name: _characteristic(name, r | limits.get(name, {})) for name, r in raw.items()}


def _all_services() -> Mapping[str, Service]:
    raw = _load("pyhap", "resources", "services.json") | _ours()["services"]
    return {name: _service(name, r) for name, r in raw.items()}


CHARACTERISTICS: Mapping[str, Characteristic] = MappingProxyType(_all_characteristics())
"""Every known characteristic by its name in topics (`PM2.5Density` has a dot)."""

SERVICES: Mapping[str, Service] = MappingProxyType(_all_services())
"""Every known service by its name in topics."""
