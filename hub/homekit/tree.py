"""The accessories of all bridges: built from the models, checked, swapped in as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pyhap import accessory as hap

from contracts.homekit.definitions import INFORMATION
from contracts.homekit.values import proper_name
from contracts.reading import SeriesKey, Value
from hub.homekit.accessory import DeviceAccessory, ShownCharacteristic
from hub.homekit.check import StateFault, check
from hub.homekit.driver import Driver
from hub.homekit.identity import Identities, part
from hub.homekit.model import DeviceModel, ServicePlan, UnshownPart
from hub.homekit.state import BridgeRecord

__all__ = ["Tree"]

_NAME_LENGTH = 64


class Tree:
    """What controllers are shown. `unshown` has, by device, what they are not, and why.

    `make_driver` makes the driver of a bridge; `current`, `available` and `write` are the
    accessories' questions (see DeviceAccessory).
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
    ) -> None:
        self.identities = identities
        self.models: dict[str, DeviceModel] = {}
        self.drivers: dict[int, Driver] = {}
        self.shown: dict[SeriesKey, ShownCharacteristic] = {}
        self.unshown: dict[str, list[UnshownPart]] = {}
        # Multicast DNS takes 63 bytes of name, the bridge's number and 6 digits of its id included.
        short = name.encode()[:48].decode(errors="ignore").strip(" -_.")
        self._name = short if proper_name(short) else "Dormouse"
        self._make_driver = make_driver
        self._current, self._available, self._write = current, available, write
        self._plans: dict[str, list[ServicePlan]] = {}
        self._faulty: dict[str, dict[str, str]] = {}

    def bridge_name(self, number: int) -> str:
        """The first bridge has the set's name, further ones a number after it."""
        return self._name if number == 0 else f"{self._name} {number + 1}"

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
        """What of the whole database fails the checklist; those parts are held back from now on.

        Call `place` and `build` for the devices named, then ask again, until there are none.
        """
        faults: list[tuple[str, StateFault]] = []
        for driver in self.drivers.values():
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

    def hide(self, device: str) -> bool:
        """Stop showing a device for a moment: who subscribed stays so. False if it was not."""
        self._plans.pop(device, None)
        accessory = self.accessory(device)
        if accessory is None:
            return False
        accessory.driver.accessory.accessories.pop(accessory.aid)
        for key in accessory.shown:
            self.shown.pop(key, None)
        return True

    def drop(self, device: str) -> None:
        """Stop showing a device."""
        if self.hide(device):
            record = self.identities.accessories[device]
            self.drivers[record.bridge].drop_topics(record.aid)

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
        )
        driver.accessory.accessories[record.aid] = accessory
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
