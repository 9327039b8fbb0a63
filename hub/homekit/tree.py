"""The accessories of all bridges: built from the models, checked, swapped in as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pyhap import accessory as hap

from contracts.homekit.definitions import CHARACTERISTICS, INFORMATION
from contracts.homekit.values import clean_name
from contracts.reading import SeriesKey, Value
from hub.homekit.accessory import DeviceAccessory, ShownCharacteristic
from hub.homekit.check import StateFault, check
from hub.homekit.driver import Driver
from hub.homekit.identity import Identities, part
from hub.homekit.limits import SeriesLimits
from hub.homekit.model import DeviceModel, ServicePlan, UnshownPart
from hub.homekit.state import BridgeRecord
from hub.homekit.styles import SeriesStyles

__all__ = ["Tree"]

_NAME_LENGTH = 64


class Tree:
    """What controllers are shown. `unshown` has, by device, what they are not, and why.

    `make_driver` makes the driver of a bridge; `current`, `available` and `write` are the
    accessories' questions (see DeviceAccessory). `limits` are what each series declares.
    """

    def __init__(
        self,
        identities: Identities,
        name: str,
        *,
        make_driver: Callable[[BridgeRecord], Driver],
        current: Callable[[SeriesKey], Value],
        available: Callable[[str], bool],
        write: Callable[[SeriesKey, Value, tuple[str, int]], int],
        styles: SeriesStyles | None = None,
    ) -> None:
        self.identities = identities
        self._styles = styles or SeriesStyles()
        self.limits = SeriesLimits(identities, self._styles.kind)
        self.models: dict[str, DeviceModel] = {}
        self.drivers: dict[int, Driver] = {}
        self.shown: dict[SeriesKey, ShownCharacteristic] = {}
        self.unshown: dict[str, list[UnshownPart]] = {}
        # Multicast DNS takes 63 bytes of name, the bridge's number and 6 digits of its id included.
        self._name = clean_name(name.encode()[:48].decode(errors="ignore")) or "Dormouse"
        self._make_driver = make_driver
        self._current, self._available, self._write = current, available, write
        self._plans: dict[str, list[ServicePlan]] = {}
        self._faulty: dict[str, dict[str, str]] = {}
        self._changed: set[int] = set()

    def model(self, device: str) -> DeviceModel:
        """What a device has shown of itself, made when it is new."""
        model = self.models.get(device)
        if model is None:
            model = self.models[device] = DeviceModel(
                device, self.limits.kind, self._styles.thresholds, self._styles.calibrated
            )
        return model

    def bridge_name(self, number: int) -> str:
        """The first bridge has the set's name, further ones a number after it."""
        return self._name if number == 0 else f"{self._name} {number + 1}"

    def declares_otherwise(self, key: SeriesKey, value: Value) -> bool:
        """Whether a series must be declared with other limits than it is.

        A value went beyond them, or its device has said others of what is to be set.
        """
        if self.limits.beyond(key, value):
            return True
        if key not in self.shown or not CHARACTERISTICS[key.characteristic].writable:
            return False
        declared = self.shown[key].kind
        # Switches have no limits, and are told of more often than all else.
        if declared.format == "bool":
            return declared.writable != self.limits.writable(key)
        return declared != self.limits.kind(key)

    def place(self, devices: Iterable[str]) -> list[str]:
        """Give these devices what ids they lack; those that are to be (re)built are returned.

        Nothing is shown yet: the ids must be kept first.
        """
        ready = []
        for device in devices:
            model = self.models.get(device)
            if model is None:
                continue
            record = self.identities.accessories.get(device)
            plans, unshown = model.plan(record.iids if record else {})
            plans, unshown = self._without_faulty(device, plans, unshown)
            if plans and self.identities.place(device) is None:
                unshown = [UnshownPart(device, INFORMATION, "every HomeKit bridge is full")]
                plans = []
            self._note(device, unshown)
            if plans:
                self.identities.number(device, (name for plan in plans for name in plan.parts()))
                for key, value in model.values.items():
                    self.limits.widen(key, value)
                self._plans[device] = plans
                ready.append(device)
        return ready

    def build(self, devices: Iterable[str]) -> list[Driver]:
        """Show these placed devices; the drivers that were made for it, not started yet."""
        made = [self._driver(n) for n in self.identities.bridges if n not in self.drivers]
        touched = set()
        for device in devices:
            self._build(device)
            touched.add(self.identities.accessories[device].bridge)
        for number in touched:
            bridge = self.drivers[number].accessory
            # HAP-python's hash depends on the order; ours must not.
            bridge.accessories = dict(sorted(bridge.accessories.items()))
        return made

    def faults(self) -> list[tuple[str, StateFault]]:
        """What of the changed bridges fails the checklist; those parts are held back from now on.

        Call `place` and `build` for the devices named, then ask again, until there are none.
        """
        faults: list[tuple[str, StateFault]] = []
        for driver in [self.drivers[number] for number in sorted(self._changed)]:
            for fault in check(driver.get_accessories()["accessories"]):
                accessory = driver.accessory.accessories.get(fault.aid)
                if accessory is None:  # an accessory with two faults is gone after the first
                    continue
                name = ""
                if fault.service is not None:
                    name = accessory.iid_manager.get_obj(fault.service).unique_id
                self._faulty.setdefault(accessory.device, {})[name] = fault.reason
                faults.append((accessory.device, fault))
                self.drop(accessory.device)
        return faults

    def refresh(self) -> None:
        """Tell controllers of the bridges that changed since the last call."""
        changed, self._changed = self._changed, set()
        for number in sorted(changed):
            self.drivers[number].refresh()

    def hide(self, device: str) -> bool:
        """Stop showing a device for a moment: who subscribed stays so. False if it was not."""
        self._plans.pop(device, None)
        accessory = self.accessory(device)
        if accessory is None:
            return False
        accessory.driver.accessory.accessories.pop(accessory.aid)
        self._changed.add(self.identities.accessories[device].bridge)
        for key in accessory.shown:
            self.shown.pop(key, None)
        return True

    def drop(self, device: str) -> None:
        """Stop showing a device."""
        if self.hide(device):
            record = self.identities.accessories[device]
            self.drivers[record.bridge].drop_topics(record.aid)

    def drop_service(self, device: str, service: str, index: int) -> None:
        """A service was removed: it is not heard of any more, nor shown at the next `build`."""
        accessory = self.accessory(device)
        for key in [key for key in self.shown if (key.device, key.service) == (device, service)]:
            if key.index == index:
                del self.shown[key]
        if accessory is not None:
            record = self.identities.accessories[device]
            name = part(service, index)
            iids = [n for of, n in record.iids.items() if of == name or of.startswith(f"{name}.")]
            accessory.driver.drop_topics(record.aid, iids)

    def forget(self, device: str) -> None:
        """A device was removed: what was held back of it may be tried again."""
        self.drop(device)
        self.models.pop(device, None)
        self.unshown.pop(device, None)
        self._faulty.pop(device, None)

    def accessory(self, device: str) -> DeviceAccessory | None:
        """The accessory that shows a device."""
        record = self.identities.accessories.get(device)
        if record is None or record.removed or record.bridge not in self.drivers:
            return None
        accessory: DeviceAccessory | None = self.drivers[record.bridge].accessory.accessories.get(
            record.aid
        )
        return accessory

    def by_device(self) -> dict[str, dict[SeriesKey, ShownCharacteristic]]:
        """Every device that is shown, with its characteristics."""
        devices: dict[str, dict[SeriesKey, ShownCharacteristic]] = {}
        for key, characteristic in self.shown.items():
            devices.setdefault(key.device, {})[key] = characteristic
        return devices

    def names(self) -> dict[str, str]:
        """What each shown device is called: of two that claim one name the later gets a number."""
        names: dict[str, str] = {}
        taken: set[str] = set()
        records = (self.identities.accessories[device] for device in self._plans)
        for record in sorted(records, key=lambda r: (r.bridge, r.aid)):
            key = SeriesKey(record.device, INFORMATION, 0, "Name")
            name = str(self.models[record.device].value(key))
            names[record.device] = _free(name, taken)
            taken.add(names[record.device].casefold())
        return names

    def _driver(self, number: int) -> Driver:
        driver = self._make_driver(self.identities.bridges[number])
        name = self.bridge_name(number)
        bridge = hap.Bridge(driver, name)
        bridge.set_info_service("1.0.0", "Dormouse", "Dormouse hub", driver.state.mac)
        driver.add_accessory(bridge)
        self.drivers[number] = driver
        self._changed.add(number)
        return driver

    def _build(self, device: str) -> None:
        record = self.identities.accessories[device]
        driver = self.drivers[record.bridge]
        accessory = DeviceAccessory(
            driver,
            record.aid,
            record.iids,
            device,
            self._plans[device],
            value=self._current,
            available=lambda: self._available(device),
            write=self._write,
            kind=self.limits.kind,
        )
        driver.accessory.accessories[record.aid] = accessory
        self._changed.add(record.bridge)
        self.shown.update(accessory.shown)

    def _without_faulty(
        self, device: str, plans: list[ServicePlan], unshown: list[UnshownPart]
    ) -> tuple[list[ServicePlan], list[UnshownPart]]:
        faulty: Mapping[str, str] = self._faulty.get(device, {})
        if "" in faulty:
            return [], [*unshown, UnshownPart(device, INFORMATION, faulty[""])]
        faultless = [p for p in plans if part(p.service, p.index) not in faulty]
        unshown = [
            *unshown,
            *(UnshownPart(device, name, reason) for name, reason in faulty.items()),
        ]
        return (faultless if len(faultless) > 1 else []), unshown

    def _note(self, device: str, unshown: list[UnshownPart]) -> None:
        if unshown:
            self.unshown[device] = unshown
        else:
            self.unshown.pop(device, None)

    def described(self) -> list[dict[str, Any]]:
        """The tree as people read it: bridges, accessories, services, values."""
        return [
            {
                "bridge": number,
                "name": self.bridge_name(number),
                "accessories": [
                    self._described(accessory)
                    for accessory in driver.accessory.accessories.values()
                ],
            }
            for number, driver in sorted(self.drivers.items())
        ]

    def _described(self, accessory: DeviceAccessory) -> dict[str, Any]:
        services: dict[str, dict[str, Any]] = {}
        for key, shown in accessory.shown.items():
            name = f"{key.service} {key.index}" if key.index else key.service
            services.setdefault(name, {})[key.characteristic] = shown.value
        return {
            "device": accessory.device,
            "aid": accessory.aid,
            "name": services.get(INFORMATION, {}).get("Name", ""),
            "available": accessory.available,
            "services": services,
            "held": [
                (unshown.part, unshown.reason) for unshown in self.unshown.get(accessory.device, ())
            ],
        }


def _free(name: str, taken: set[str]) -> str:
    if name.casefold() not in taken:
        return name
    number = 2
    while True:
        suffix = f" {number}"
        numbered = name[: _NAME_LENGTH - len(suffix)] + suffix
        if numbered.casefold() not in taken:
            return numbered
        number += 1
