"""What a device has shown of itself, and the accessory that makes: pure, no HAP objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from contracts.homekit.definitions import CHARACTERISTICS, INFORMATION, SERVICES, Characteristic
from contracts.homekit.values import proper_name
from contracts.reading import SeriesKey, Value
from hub.homekit.identity import part

__all__ = ["DeviceModel", "ServicePlan", "UnshownPart", "shown"]

MAX_SERVICES = 100
"""HomeKit's limit for one accessory, AccessoryInformation included."""

# A battery and a case are the whole device's: said once, they hold for every service that may
# carry them. A fault or inactivity is one sensor's: another one beside it may be well.
_DEVICE_WIDE = ("StatusLowBattery", "StatusTampered")

_MANUFACTURER = "Dormouse"


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
    """The value as HomeKit takes it: on the characteristic's step, still within its range."""
    if not kind.step or isinstance(value, (bool, str)):
        return value
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

    `name` is what its accessory is called unless the device says otherwise.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.values: dict[SeriesKey, Value] = {}
        self.facts: dict[str, str] = {}
        self._services: dict[tuple[str, int], set[str]] = {}

    def put(self, key: SeriesKey, value: Value) -> None:
        """Take a value; the first of a series may change what `plan` makes of the device."""
        if key not in self.values:
            self._services.setdefault((key.service, key.index), set()).add(key.characteristic)
        self.values[key] = value

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
            if SeriesKey(self.device, service, index, main) in self.values:
                ready.append((service, index))
            else:
                reason = f"waits for {main}, which was not seen yet"
                unshown.append(UnshownPart(self.device, part(service, index), reason))
        ready.sort(key=lambda s: known.get(part(*s), 2**53))
        for service, index in ready[MAX_SERVICES - 1 :]:
            reason = f"HomeKit takes {MAX_SERVICES} services in an accessory at most"
            unshown.append(UnshownPart(self.device, part(service, index), reason))
        ready = ready[: MAX_SERVICES - 1]
        if not ready:
            return [], unshown
        several = {service for service, index in ready if index > 0}
        plans = [ServicePlan(INFORMATION, 0, self._carried(INFORMATION, 0, named=False))]
        plans += [ServicePlan(s, i, self._carried(s, i, named=s in several)) for s, i in ready]
        return plans, unshown

    def value(self, key: SeriesKey) -> Value:
        """What HomeKit is told: the device's own value, or what stands in for one not seen yet."""
        own = self.values.get(key)
        if own is not None:
            return own
        if key.service == INFORMATION and (fact := self._fact(key.characteristic)):
            return fact
        if key.characteristic in _DEVICE_WIDE:
            wide = self._wide(key.characteristic)
            return CHARACTERISTICS[key.characteristic].default if wide is None else wide
        if key.characteristic == "ConfiguredName":
            return service_name(key.service, key.index)
        return self._stand_in(key)

    def touched(self, key: SeriesKey, shown_keys: Iterable[SeriesKey]) -> Iterator[SeriesKey]:
        """The shown series whose value depends on this one, itself first."""
        yield key
        if key.characteristic in _DEVICE_WIDE:
            for other in shown_keys:
                if other.characteristic == key.characteristic and other != key:
                    yield other
        for follower in _FOLLOWERS.get(key.characteristic, ()):
            yield SeriesKey(self.device, key.service, key.index, follower)

    def _carried(self, service: str, index: int, *, named: bool) -> tuple[str, ...]:
        known = SERVICES[service]
        seen = self._services.get((service, index), set())
        wide = {c for c in _DEVICE_WIDE if self._wide(c) is not None}
        names = seen | wide | ({"ConfiguredName"} if named else set())
        return known.required + tuple(c for c in known.optional if c in names)

    def _wide(self, characteristic: str) -> Value | None:
        """The worst that any service of the device says of a thing that is the whole device's."""
        values = [v for k, v in self.values.items() if k.characteristic == characteristic]
        return max(values, key=int) if values else None

    def _stand_in(self, key: SeriesKey) -> Value:
        kind = CHARACTERISTICS[key.characteristic]
        if kind.follows is not None:
            leader = SeriesKey(key.device, key.service, key.index, kind.follows)
            followed = self.values.get(leader)
            if followed is not None and (not kind.valid or followed in kind.valid):
                return bool(followed) if kind.format == "bool" else followed
        return kind.default

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


def device_name(device: str) -> str:
    """A name HomeKit takes, made of a device id."""
    name = device.replace("_", " ").strip(" -")
    return name if proper_name(name) else "Device"


def service_name(service: str, index: int) -> str:
    """What one of several services of a type is called: "Switch 2"."""
    words = "".join(f" {c}" if c.isupper() else c for c in service).strip()
    return f"{words} {index + 1}"


def _followers() -> Mapping[str, tuple[str, ...]]:
    followers: dict[str, tuple[str, ...]] = {}
    for kind in CHARACTERISTICS.values():
        if kind.follows is not None:
            followers[kind.follows] = (*followers.get(kind.follows, ()), kind.name)
    return followers


_FOLLOWERS = _followers()
