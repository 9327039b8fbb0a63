"""Which service of a device each part of it is, and through which rule it was heard: kept.

A part is what another program tells things apart by: a node, a number, a sensor's address. Its
index in HomeKit is given when it is first heard and never to another.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts.reading import SeriesKey
from contracts.topics import is_device_id

__all__ = ["MappedPart", "MappedParts"]

MAX_INDEX = 99  # HAP allows 100 services in an accessory
MAX_NAMES = 5000  # what a gateway may make up


@dataclass(slots=True)
class MappedPart:
    """A service of a device: its index, what stood at a topic's places, rules by characteristic."""

    index: int
    places: dict[str, str] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Device:
    name: str = ""
    address: str = ""
    services: dict[str, dict[str, MappedPart]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    said: int = 0


class MappedParts:
    """The parts of every device. `on_learned` is called with a device whose record changed."""

    def __init__(self, on_learned: Callable[[str], None] | None = None) -> None:
        self._devices: dict[str, _Device] = {}
        self._ids: dict[str, str] = {}
        self._addresses: dict[str, str] = {}
        self._on_learned = on_learned or (lambda _: None)

    # --- names --------------------------------------------------------------------------------

    def device_of(self, name: str) -> str | None:
        """The id of a device that another program calls so; None when there are too many.

        Two names never share an id: "a b" and "a/b" are a_b and a_b_2.
        """
        known = self._ids.get(name)
        if known is not None:
            return known
        if len(self._ids) >= MAX_NAMES:
            return None
        base = _id(name)
        device, n = base, 2
        while self._devices.get(device, _Device()).name not in {"", name}:
            suffix = f"_{n}"
            device, n = base[: 64 - len(suffix)] + suffix, n + 1
        self._devices.setdefault(device, _Device()).name = name
        self._ids[name] = device
        self._on_learned(device)
        return device

    def called(self, name: str) -> str | None:
        """The device that another program calls so, if there is one."""
        return self._ids.get(name)

    def name(self, device: str) -> str:
        """What the other program calls the device, where that is not its id."""
        known = self._devices.get(device)
        return known.name if known is not None else ""

    def known_by(self, address: str) -> str | None:
        """The device that has this address of its own, whatever it is called."""
        return self._addresses.get(address)

    def address(self, device: str) -> str:
        """The address that is the device's own; empty where no list has said one."""
        known = self._devices.get(device)
        return known.address if known is not None else ""

    def keep_address(self, device: str, address: str) -> None:
        """This device is the one at that address from now on, and at no other."""
        known = self._devices.setdefault(device, _Device())
        if not address or self._addresses.get(address) == device:
            return
        if self._addresses.get(known.address) == device:
            del self._addresses[known.address]
        known.address = address
        self._addresses[address] = device
        self._on_learned(device)

    def unname(self, device: str) -> str:
        """A device is about to have another name: the one that is free now."""
        name = self.name(device)
        if self._ids.get(name) == device:
            del self._ids[name]
        return name

    def rename(self, device: str, name: str) -> str | None:
        """The device is called so now; who was taken for another one by that name, and is gone."""
        other = self._ids.get(name)
        if other is not None:
            self._devices.pop(other, None)
            self._on_learned(other)
        known = self._devices[device]
        known.name, known.units = name, {}
        known.said += 1
        for parts in known.services.values():
            for part in parts.values():
                if "name" in part.places:
                    part.places["name"] = name
        self._ids[name] = device
        self._on_learned(device)
        return other

    # --- parts --------------------------------------------------------------------------------

    def learn(
        self,
        device: str,
        service: str,
        scope: str,
        part: str,
        *,
        wanted: int | None = None,
        fixed: bool = False,
    ) -> int | None:
        """The index of a part, given now if it has none; None when the device has too many.

        `wanted` is taken if it is free, or in any case where it is `fixed`.
        """
        parts = self._devices.setdefault(device, _Device()).services.setdefault(service, {})
        name = f"{scope}:{part}"
        known = parts.get(name)
        if known is None and f":{part}" in parts:  # kept before scopes were
            known = parts[name] = parts.pop(f":{part}")
        if known is None and f"{name} (moved)" in parts:  # it is what it was before
            known = parts[name] = parts.pop(f"{name} (moved)")
            self._on_learned(device)
        if known is not None and not (fixed and known.index != wanted):
            return known.index
        index = wanted if fixed and wanted is not None else _free(parts, wanted)
        if index is None:
            return None
        parts[name] = MappedPart(index)
        self._on_learned(device)
        return index

    def bind(
        self, series: SeriesKey, scope: str, part: str, rule: str, places: Mapping[str, str]
    ) -> None:
        """A series was heard through this rule, with this at its topic's places."""
        known = self._devices[series.device].services[series.service].get(f"{scope}:{part}")
        if known is None:
            return
        if known.rules.get(series.characteristic) != rule or known.places != {
            **known.places,
            **places,
        }:
            known.places.update(places)
            known.rules[series.characteristic] = rule
            self._on_learned(series.device)

    def unbind(self, series: SeriesKey) -> None:
        """The series is heard on a topic of our own now."""
        for _, part in self._of(series):
            if part.rules.pop(series.characteristic, None) is not None:
                self._on_learned(series.device)

    def sources(self, series: SeriesKey) -> Sequence[tuple[str, MappedPart]]:
        """The scopes and parts that are this series' service."""
        return self._of(series)

    def has(self, device: str, service: str, scope: str = "", part: str | None = None) -> bool:
        """Whether a part was heard as that service; without a part, whether any was."""
        known = self._devices.get(device)
        parts = known.services.get(service, {}) if known is not None else {}
        return bool(parts) if part is None else f"{scope}:{part}" in parts

    def only(self, device: str, service: str, scope: str) -> str | None:
        """The part that is the only one of a service in a scope."""
        known = self._devices.get(device)
        names = known.services.get(service, {}) if known is not None else {}
        mine = [name for name in names if name.startswith(f"{scope}:")]
        return mine[0].removeprefix(f"{scope}:") if len(mine) == 1 else None

    def rules(self, device: str) -> set[str]:
        """The rules through which the device was heard."""
        known = self._devices.get(device)
        services = known.services.values() if known is not None else ()
        return {
            rule for parts in services for part in parts.values() for rule in part.rules.values()
        }

    def scopes(self, device: str) -> set[str]:
        """Where the rules come from through which the device was heard."""
        known = self._devices.get(device)
        services = known.services.values() if known is not None else ()
        return {name.partition(":")[0] for parts in services for name in parts}

    def heard(self, device: str, scope: str) -> list[tuple[str, str, MappedPart]]:
        """The parts that were heard through rules of a scope, with their service and name."""
        known = self._devices.get(device)
        services = known.services.items() if known is not None else ()
        return [
            (service, name.removeprefix(f"{scope}:"), part)
            for service, parts in services
            for name, part in parts.items()
            if name.startswith(f"{scope}:") and part.rules
        ]

    def heard_by(
        self, device: str, rules: set[str], places: Mapping[str, str]
    ) -> list[tuple[str, int]]:
        """Services that were heard through one of these rules, with these places."""
        known = self._devices.get(device)
        if known is None:
            return []
        return [
            (service, part.index)
            for service, parts in known.services.items()
            for part in parts.values()
            if rules & set(part.rules.values()) and places.items() <= part.places.items()
        ]

    def drop(self, device: str, service: str, index: int) -> None:
        """A service is gone: nothing is heard as it any more; its index stays its part's."""
        for _, part in self._of(SeriesKey(device, service, index, "")):
            part.rules.clear()
        self._on_learned(device)

    def move_away(self, device: str, service: str, scope: str, part: str) -> int | None:
        """A part turned out another service: its index in this one, which it leaves."""
        parts = self._devices[device].services.get(service, {})
        left = parts.pop(f"{scope}:{part}", None)
        if left is None:
            return None
        left.rules.clear()
        parts[f"{scope}:{part} (moved)"] = left  # so that nobody else is given its index
        return left.index

    def speaking(self, scope: str) -> list[str]:
        """The devices that were heard through rules of a scope."""
        return [
            device
            for device, known in self._devices.items()
            if any(
                name.startswith(f"{scope}:") for parts in known.services.values() for name in parts
            )
        ]

    # --- units --------------------------------------------------------------------------------

    def unit(self, device: str, topic: str) -> str | None:
        """What a device said at a topic where it names its units."""
        known = self._devices.get(device)
        return known.units.get(topic) if known is not None else None

    def keep_unit(self, device: str, topic: str, text: str) -> bool:
        """Keep that; True when it is news."""
        units = self._devices.setdefault(device, _Device()).units
        if units.get(topic, "") == text or len(units) >= MAX_INDEX * 4:
            return False
        units[topic] = text
        self._devices[device].said += 1
        self._on_learned(device)
        return True

    def said(self, device: str) -> int:
        """How often a device has said something new of its units: what follows from them is old."""
        known = self._devices.get(device)
        return known.said if known is not None else 0

    # --- keeping ------------------------------------------------------------------------------

    def record(self, device: str) -> dict[str, Any]:
        """What is kept of a device, as JSON."""
        known = self._devices.get(device, _Device())
        services = {
            service: {
                name: {"index": part.index, "places": part.places, "rules": part.rules}
                for name, part in parts.items()
            }
            for service, parts in known.services.items()
        }
        named = {"name": known.name, "address": known.address}
        return {**named, "services": services, "units": known.units}

    def load(self, records: Mapping[str, Any]) -> None:
        """Take up what was kept, by device."""
        for device, record in records.items():
            services = {
                service: {name: MappedPart(**part) for name, part in parts.items()}
                for service, parts in record.get("services", {}).items()
            }
            name, address = record.get("name", ""), record.get("address", "")
            units = dict(record.get("units", {}))
            self._devices[device] = _Device(name, address, services, units)
            if name:
                self._ids[name] = device
            if address:
                self._addresses[address] = device

    def load_nodes(self, nodes: Mapping[str, list[str]]) -> None:
        """Take up what was kept before there were parts: nodes by "<device>/<Service>"."""
        for name, known in nodes.items():
            device, _, service = name.partition("/")
            parts = self._devices.setdefault(device, _Device()).services.setdefault(service, {})
            for index, node in enumerate(known):
                if not any(part.endswith(f":{node}") for part in parts):
                    parts[f":{node}"] = MappedPart(index)

    def copy(self) -> MappedParts:
        """One to try things with: nothing is kept."""
        other = MappedParts()
        other.load({device: self.record(device) for device in self._devices})
        return other

    def _of(self, series: SeriesKey) -> Sequence[tuple[str, MappedPart]]:
        known = self._devices.get(series.device)
        if known is None:  # every reading of a device of our own asks
            return ()
        return [
            (name.partition(":")[0], part)
            for name, part in known.services.get(series.service, {}).items()
            if part.index == series.index
        ]


def _free(parts: Mapping[str, MappedPart], wanted: int | None) -> int | None:
    taken = {part.index for part in parts.values()}
    if wanted is not None and 0 <= wanted <= MAX_INDEX and wanted not in taken:
        return wanted
    return next((n for n in range(MAX_INDEX + 1) if n not in taken), None)


def _id(name: str) -> str:
    if is_device_id(name):
        return name
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9-]+", "_", plain).strip("_")[:64] or "device"
