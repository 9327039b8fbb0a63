"""A device's service as entities are made of it, and the entities: values, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts import topics
from contracts.homekit.definitions import CHARACTERISTICS
from contracts.homekit.quantities import Quantity, quantity
from contracts.reading import SeriesKey

__all__ = ["Entity", "ServiceView", "ValueLimits", "table", "words"]


@dataclass(frozen=True, slots=True)
class ValueLimits:
    """What values a characteristic takes here; None: no bound. `valid` lists the only ones.

    `settable` is False where the characteristic can only be read, or its device lets nobody set it.
    """

    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    valid: tuple[int, ...] = ()
    settable: bool = True

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> ValueLimits:
        """From the properties that controllers are told."""
        return cls(
            properties.get("minValue"),
            properties.get("maxValue"),
            properties.get("minStep"),
            tuple(sorted(properties.get("ValidValues", {}).values())),
            "pw" in properties.get("Permissions", ("pw",)),
        )


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing in Home Assistant: its component, its name within the device, its configuration.

    `of` are the characteristics that it shows.
    """

    component: str
    name: str
    config: Mapping[str, Any]
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One service of a device: its characteristics with their limits, and where each is."""

    tenant: str
    device: str
    service: str
    index: int
    limits: Mapping[str, ValueLimits] = field(default_factory=dict)
    title: str | None = None

    def has(self, *names: str) -> bool:
        """Whether all of these are there."""
        return all(name in self.limits for name in names)

    def key(self, name: str) -> SeriesKey:
        """The series of a characteristic."""
        return SeriesKey(self.device, self.service, self.index, name)

    def state(self, name: str) -> str:
        """Where the hub says it."""
        return topics.mirror(self.tenant, self.key(name))

    def set(self, name: str) -> str:
        """Where the hub is told what is wanted."""
        return f"{self.state(name)}/set"

    def quantity(self, name: str) -> Quantity:
        """What it is of."""
        return quantity(self.key(name))

    def settable(self, *names: str) -> bool:
        """Whether all of these are there, and can be commanded."""
        return self.has(*names) and all(
            self.limits[name].settable and CHARACTERISTICS[name].writable for name in names
        )

    def command(self, name: str, option: str = "command_topic") -> dict[str, str]:
        """The option that says where to command it; none where nobody can."""
        return {option: self.set(name)} if self.settable(name) else {}

    def entity(self, component: str, name: str, config: Mapping[str, Any], *of: str) -> Entity:
        """An entity of this service; `name` is empty for the service itself."""
        parts = [self.service, str(self.index), *([name] if name else [])]
        identity = "_".join(re.sub(r"[^A-Za-z0-9]+", "", part) for part in parts)
        label = self.quantity(name).label if name else self.title
        return Entity(component, identity, {"name": label, **config}, of)


def table(pairs: Mapping[Any, Any]) -> str:
    """A template that says for each value of ours what Home Assistant calls it."""
    entries = ", ".join(f"'{ours}': '{theirs}'" for ours, theirs in pairs.items())
    return "{{ {" + entries + "}.get(value, value) }}"


def words(pairs: Mapping[Any, str], valid: Iterable[int] = ()) -> tuple[list[str], str, str]:
    """The words for some values, and the templates from our values to them and back."""
    allowed = set(valid) or set(pairs)
    kept = {ours: theirs for ours, theirs in pairs.items() if ours in allowed}
    return list(kept.values()), table(kept), table({theirs: ours for ours, theirs in kept.items()})
