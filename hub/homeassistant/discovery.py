"""A device as Home Assistant's discovery has it: a configuration for each entity. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts import topics
from contracts.homekit.definitions import INFORMATION
from contracts.reading import SeriesKey
from hub.homeassistant.actuators import ACTUATORS
from hub.homeassistant.measures import measures
from hub.homeassistant.view import Entity, ServiceView, ValueLimits
from hub.homekit.model import service_name
from hub.mqtt.access import discovery_node

__all__ = ["DescribedDevice", "configurations", "entities"]


@dataclass(frozen=True, slots=True)
class DescribedDevice:
    """A device and what it has; `titles` are names that its services were given."""

    device: str
    name: str
    series: Mapping[SeriesKey, ValueLimits]
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    titles: Mapping[tuple[str, int], str] = field(default_factory=dict)


def configurations(
    facts: DescribedDevice, tenant: str, prefix: str, version: str
) -> dict[str, str]:  # fmt: skip
    """The retained messages that make a device known, by topic.

    One for each entity, all of one device: Home Assistant has taken these since 2016 and openHAB
    takes no others, while a message for a whole device needs Home Assistant 2024.11.
    """
    node = discovery_node(tenant)
    shared = {
        "availability": [
            {"topic": topics.MIRROR_HUB},
            {"topic": topics.mirror_online(tenant, facts.device)},
        ],
        "availability_mode": "all",
        "device": _device(facts, node),
        "origin": {"name": "Dormouse", "sw_version": version},
        "qos": 0,
    }
    messages = {}
    for entity in entities(facts, tenant):
        identity = f"{node}_{facts.device}_{entity.name}"
        config = {
            **entity.config,
            "unique_id": identity,
            **shared,
        }
        topic = f"{prefix}/{entity.component}/{node}/{facts.device}_{entity.name}/config"
        messages[topic] = json.dumps(config, ensure_ascii=False)
    return messages


def entities(facts: DescribedDevice, tenant: str) -> list[Entity]:
    """What a device is made of in Home Assistant, those that can be commanded first."""
    found: list[Entity] = []
    rest: list[Entity] = []
    services: dict[tuple[str, int], dict[str, ValueLimits]] = {}
    for key, limits in facts.series.items():
        if key.service != INFORMATION:
            services.setdefault((key.service, key.index), {})[key.characteristic] = limits
    for (service, index), characteristics in sorted(services.items()):
        title = facts.titles.get((service, index)) or _title(service, index)
        view = ServiceView(tenant, facts.device, service, index, characteristics, title)
        actuator = ACTUATORS[service](view) if service in ACTUATORS else None
        taken = set(actuator.of) if actuator else set()
        found += [actuator] if actuator else []
        rest += measures(view, [name for name in characteristics if name not in taken])
    if len(found) == 1:
        # What a device is and does bears the device's name.
        found = [
            Entity(one.component, one.name, {**one.config, "name": None}, one.of) for one in found
        ]
    return [*found, *_once(rest)]


def _once(entities_of_device: Sequence[Entity]) -> Iterator[Entity]:
    """Without what is the whole device's and stands in every service: a battery, a case."""
    seen: set[str] = set()
    for entity in entities_of_device:
        shared = set(entity.of) & {"StatusLowBattery", "StatusTampered"}
        if shared and shared <= seen:
            continue
        seen |= shared
        yield entity


def _title(service: str, index: int) -> str:
    return service_name(service, index).removesuffix(" 1")


def _device(facts: DescribedDevice, node: str) -> dict[str, Any]:
    device: dict[str, Any] = {
        "identifiers": [f"{node}_{facts.device}"],
        "name": facts.name,
        "serial_number": facts.device,
    }
    known = {
        "manufacturer": facts.manufacturer,
        "model": facts.model,
        "sw_version": "" if re.fullmatch(r"0(\.0)*", facts.firmware) else facts.firmware,
    }
    return device | {name: value for name, value in known.items() if value}
