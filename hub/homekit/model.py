"""What a device has shown of itself, and the accessory that makes: pure, no HAP objects."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from contracts.homekit.definitions import CHARACTERISTICS, INFORMATION, SERVICES, Characteristic
from contracts.homekit.derived import SOURCES, derived
from contracts.homekit.values import clean_name
from contracts.reading import SeriesKey, Value
from hub.homekit.identity import part
from hub.homekit.targets import PAIRS, pair_of

__all__ = ["BUTTON", "LABEL", "DeviceModel", "ServicePlan", "UnshownPart", "shown"]

MAX_SERVICES = 100
"""HomeKit's limit for one accessory, AccessoryInformation included."""

# A battery and a case are the whole device's: said once, they hold for every service that may
# carry them. A fault or inactivity is one sensor's: another one beside it may be well.
_DEVICE_WIDE = ("StatusLowBattery", "StatusTampered")

# A lamp that is on glows: at 0 Home would show it as off.
_LEVEL = "Brightness"

_MANUFACTURER = "Dormouse"

BUTTON = "StatelessProgrammableSwitch"
LABEL = "ServiceLabel"
_NUMBER = "ServiceLabelIndex"
_LABELLING = (_NUMBER, "ServiceLabelNamespace")
_NUMERALS = 1  # of ServiceLabelNamespace; 0 would be dots


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """A service to show, with its characteristics in order."""

    service: str
    index: int
    characteristics: tuple[str, ...]

    def parts(self) -> Iterator[str]:
        """Every name that needs an iid, the service's first."""
        yield part(self.service, self.index)
        for characteristic in self.characteristics:
            yield part(self.service, self.index, characteristic)


@dataclass(frozen=True, slots=True)
class UnshownPart:
    """A part of a device that is not shown, and why (for a person)."""

    device: str
    part: str
    reason: str


def shown(kind: Characteristic, value: Value) -> Value:
    """The value as HomeKit takes it: within the characteristic's range, on its step."""
    if kind.valid or isinstance(value, (bool, str)):
        return value
    if not kind.step:
        low = value if kind.minimum is None else max(value, kind.minimum)
        limited = low if kind.maximum is None else min(low, kind.maximum)
        # A calibrated whole number may lie between two.
        return math.floor(limited + 0.5) if kind.integral else float(limited)
    steps = round(value / kind.step)
    # Divided by 10, not multiplied by 0.1: the quotient is the decimal's nearest double.
    stepped = steps / round(1 / kind.step) if kind.step < 1 else steps * kind.step
    if kind.minimum is not None and stepped < kind.minimum:
        stepped = kind.minimum
    if kind.maximum is not None and stepped > kind.maximum:
        stepped = kind.maximum
    return int(stepped) if kind.integral else float(stepped)


class DeviceModel:
    """The values one device has shown, by service, index and characteristic.

    `kind` tells the limits of a series, `thresholds` those of what follows from it, `calibrated`
    what a raw value is. `values` are calibrated, `heard` has what the device said and when.
    """

    def __init__(
        self,
        device: str,
        kind: Callable[[SeriesKey], Characteristic] | None = None,
        thresholds: Callable[[SeriesKey], tuple[float, ...]] = lambda _: (),
        calibrated: Callable[[SeriesKey, Value, datetime], Value] = lambda _key, raw, _at: raw,
    ) -> None:
        self.device = device
        self._calibrated = calibrated
        self._kind = kind or (lambda key: CHARACTERISTICS[key.characteristic])
        self._thresholds = thresholds
        self.values: dict[SeriesKey, Value] = {}
        self.heard: dict[SeriesKey, tuple[Value, datetime]] = {}
        self.facts: dict[str, str] = {}
        self._services: dict[tuple[str, int], set[str]] = {}

    def put(self, key: SeriesKey, raw: Value, at: datetime | None = None) -> None:
        """Take a value measured at `at` (None: now).

        The first of a series may change what `plan` makes of the device.
        """
        if key not in self.values:
            self._services.setdefault((key.service, key.index), set()).add(key.characteristic)
        at = at or datetime.now(UTC)
        self.heard[key] = raw, at
        self.values[key] = self._calibrated(key, raw, at)

    def recalibrate(self, key: SeriesKey) -> bool:
        """A series is calibrated otherwise; whether that makes its value another."""
        if key not in self.heard:
            return False
        before = self.values[key]
        self.values[key] = self._calibrated(key, *self.heard[key])
        return self.values[key] != before

    def forget_service(self, service: str, index: int) -> list[SeriesKey]:
        """A service was removed: the series that went with it."""
        self._services.pop((service, index), None)
        gone = [key for key in self.values if (key.service, key.index) == (service, index)]
        for key in gone:
            del self.values[key]
            del self.heard[key]
        return gone

    def forget(self, key: SeriesKey) -> None:
        """A series was removed."""
        self._services.get((key.service, key.index), set()).discard(key.characteristic)
        self.values.pop(key, None)
        self.heard.pop(key, None)

    @property
    def empty(self) -> bool:
        """Whether there is no service any more but the one about itself."""
        return not any(service != INFORMATION for service, _ in self._services)

    def plan(self, known: Mapping[str, int]) -> tuple[list[ServicePlan], list[UnshownPart]]:
        """The services to show and those held back; `known` are the iids given before.

        A service waits until its main characteristic was seen. Those shown before come first,
        so that a device that grows past the limit loses nothing. No services at all when only
        AccessoryInformation would remain.
        """
        unshown: list[UnshownPart] = []
        ready: list[tuple[str, int]] = []
        for service, index in self._services:
            if service == INFORMATION:
                continue
            main = SERVICES[service].main
            key = SeriesKey(self.device, service, index, main)
            if key in self.values or self._derived(key) is not None:
                ready.append((service, index))
            else:
                reason = f"waits for {main}, which was not seen yet"
                unshown.append(UnshownPart(self.device, part(service, index), reason))
        ready.sort(key=lambda s: known.get(part(*s), 2**53))
        room = MAX_SERVICES - 1
        if sum(service == BUTTON for service, _ in ready) > 1 and (LABEL, 0) not in ready:
            room -= 1  # for the label that numbers them
        for service, index in ready[room:]:
            reason = f"HomeKit takes {MAX_SERVICES} services in an accessory at most"
            unshown.append(UnshownPart(self.device, part(service, index), reason))
        ready = ready[:room]
        if not ready:
            return [], unshown
        several = {service for service, index in ready if index > 0}
        plans = [ServicePlan(INFORMATION, 0, self._carried(INFORMATION, 0, named=False))]
        plans += [ServicePlan(s, i, self._carried(s, i, named=s in several)) for s, i in ready]
        return _labelled(plans), unshown

    def value(self, key: SeriesKey) -> Value:
        """What HomeKit is told: the device's own value, or what stands in for one not seen yet."""
        own = self.values.get(key)
        if own is not None:
            return 1 if key.characteristic == _LEVEL and own == 0 and self._is_on(key) else own
        if key.service == INFORMATION and (fact := self._fact(key.characteristic)):
            return fact
        if key.characteristic in _DEVICE_WIDE:
            wide = self._wide(key.characteristic)
            return CHARACTERISTICS[key.characteristic].default if wide is None else wide
        if key.characteristic in _LABELLING:
            return _NUMERALS if key.service == LABEL else key.index + 1
        if key.characteristic == "ConfiguredName":
            return service_name(key.service, key.index)
        derived = self._derived(key)
        return self._stand_in(key) if derived is None else derived

    def touched(self, key: SeriesKey, shown_keys: Collection[SeriesKey]) -> Iterator[SeriesKey]:
        """The shown series whose value depends on this one, itself first."""
        yield from self._touched_by_state(key, shown_keys)
        if key.characteristic == "On":
            yield SeriesKey(self.device, key.service, key.index, _LEVEL)
        for follower in _FOLLOWERS.get(key.characteristic, ()):
            yield SeriesKey(self.device, key.service, key.index, follower)
        for (service, state), sources in SOURCES.items():
            if service == key.service and key.characteristic in sources:
                follower_key = SeriesKey(self.device, service, key.index, state)
                yield from self._touched_by_state(follower_key, shown_keys)

    def _touched_by_state(
        self, key: SeriesKey, shown_keys: Collection[SeriesKey]
    ) -> Iterator[SeriesKey]:
        yield key
        if key.characteristic in _DEVICE_WIDE:
            for other in shown_keys:
                if other.characteristic == key.characteristic and other != key:
                    yield other

    def _is_on(self, key: SeriesKey) -> bool:
        on = self.values.get(SeriesKey(key.device, key.service, key.index, "On"))
        return on is True

    def _derived(self, key: SeriesKey) -> Value | None:
        """What follows from the measurements of the same service."""

        def beside(characteristic: str) -> SeriesKey:
            return SeriesKey(key.device, key.service, key.index, characteristic)

        return derived(
            key.service,
            key.characteristic,
            lambda name: self.values.get(beside(name)),
            lambda name: self._thresholds(beside(name)),
        )

    def _carried(self, service: str, index: int, *, named: bool) -> tuple[str, ...]:
        known = SERVICES[service]
        seen = self._services.get((service, index), set())
        wide = {c for c in _DEVICE_WIDE if self._wide(c) is not None}
        names = seen | wide | ({"ConfiguredName"} if named else set())
        return known.required + tuple(c for c in known.optional if c in names)

    def _wide(self, characteristic: str) -> Value | None:
        """The worst that any service of the device says of a thing that is the whole device's."""
        values = [v for k, v in self.values.items() if k.characteristic == characteristic]
        if not values:
            for service, index in self._services:
                follows = self._derived(SeriesKey(self.device, service, index, characteristic))
                values += [] if follows is None else [follows]
        return max(values, key=int) if values else None

    def _stand_in(self, key: SeriesKey) -> Value:
        kind = self._kind(key)
        leader = _LEADERS.get(key.characteristic)
        followed = leader and self.values.get(SeriesKey(key.device, key.service, key.index, leader))
        if followed is None:
            return kind.default
        pair = pair_of(key.characteristic)
        if key.characteristic in _WHILE_ACTIVE:
            followed = _WHILE_ACTIVE[key.characteristic] if followed else 0
        elif pair is not None:
            settled = pair.settled(followed)
            followed = kind.default if settled is None else settled
        if kind.valid and followed not in kind.valid:
            return kind.default
        return bool(followed) if kind.format == "bool" else followed

    def _fact(self, characteristic: str) -> str | None:
        if characteristic == "Name":
            return device_name(self.device)
        if characteristic == "Manufacturer":
            return self.facts.get(characteristic, _MANUFACTURER)
        if characteristic == "Model":
            return self.facts.get(characteristic, "Sensor")
        if characteristic == "FirmwareRevision":
            return self.facts.get(characteristic, "0.0.0")
        return self.facts.get(characteristic)


def _labelled(plans: list[ServicePlan]) -> list[ServicePlan]:
    """The same with buttons numbered, where there are several (HAP specification 9.94, 9.107).

    Home tells them apart by ServiceLabelIndex, and wants a ServiceLabel that they belong to.
    """
    buttons = [plan for plan in plans if plan.service == BUTTON]
    if len(buttons) < 2:
        return plans
    numbered = [
        replace(plan, characteristics=tuple(dict.fromkeys((*plan.characteristics, _NUMBER))))
        if plan in buttons
        else plan
        for plan in plans
    ]
    if not any(plan.service == LABEL for plan in plans):
        numbered.append(ServicePlan(LABEL, 0, SERVICES[LABEL].required))
    return numbered


def device_name(device: str) -> str:
    """A name HomeKit takes, made of a device id."""
    return clean_name(device.replace("_", " ")) or "Device"


def service_name(service: str, index: int) -> str:
    """What one of several services of a type is called: "Switch 2"."""
    words = "".join(f" {c}" if c.isupper() else c for c in service).strip()
    return f"{words} {index + 1}"


# What a device that only says whether it is active is shown to be doing: purifying, idle, blowing.
# 0 is inactive in each; an active one that is shown as inactive is "turning on" for ever.
_WHILE_ACTIVE = {
    "CurrentAirPurifierState": 2,
    "CurrentFanState": 2,
    "CurrentHeaterCoolerState": 1,
    "CurrentHumidifierDehumidifierState": 1,
}
_LEADERS: Mapping[str, str] = {
    **{kind.name: kind.follows for kind in CHARACTERISTICS.values() if kind.follows is not None},
    **dict.fromkeys(_WHILE_ACTIVE, "Active"),
    **{pair.target: pair.current for pair in PAIRS},
}


def _followers() -> Mapping[str, tuple[str, ...]]:
    followers: dict[str, tuple[str, ...]] = {}
    for follower, leader in _LEADERS.items():
        followers[leader] = (*followers.get(leader, ()), follower)
    return followers


_FOLLOWERS = _followers()
