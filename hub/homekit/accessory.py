"""HAP-python's objects for one device, with the ids that are kept for it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyhap import accessory as hap
from pyhap.characteristic import Characteristic as HapCharacteristic
from pyhap.iid_manager import IIDManager
from pyhap.service import Service as HapService
from pyhap.util import hap_type_to_uuid

from contracts.homekit.definitions import CHARACTERISTICS, INFORMATION, SERVICES, Characteristic
from contracts.reading import SeriesKey, Value
from hub.homekit.identity import part
from hub.homekit.model import BUTTON, LABEL, ServicePlan, shown

__all__ = ["DeviceAccessory", "ShownCharacteristic"]

# A button's press is an event and leaves no value to read.
PRESS = "ProgrammableSwitchEvent"
_VENDOR = "-079E-48FF-8F27-9C2605A29F52"


@functools.cache
def _properties(kind: Characteristic) -> dict[str, Any]:
    """What HAP-python wants to know of a type; shared by all of its objects, so never changed."""
    properties: dict[str, Any] = {"Format": kind.format, "Permissions": list(kind.permissions)}
    if kind.valid:
        properties["ValidValues"] = {str(value): value for value in kind.valid}
    limits = {"minValue": kind.minimum, "maxValue": kind.maximum, "minStep": kind.step}
    if not kind.valid:  # the list of valid values says more than their range
        properties |= {name: limit for name, limit in limits.items() if limit is not None}
    if kind.unit is not None:
        properties["unit"] = kind.unit
    return properties


class ShownCharacteristic(HapCharacteristic):  # type: ignore[misc]  # pyhap is untyped
    """A characteristic that knows which series it shows."""

    value: Any
    _loader_display_name: str | None

    def __init__(self, key: SeriesKey, kind: Characteristic | None = None) -> None:
        kind = kind or CHARACTERISTICS[key.characteristic]
        super().__init__(
            kind.name,
            hap_type_to_uuid(kind.uuid),
            _properties(kind),
            unique_id=part(key.service, key.index, key.characteristic),
        )
        self.key, self.kind = key, kind
        if not kind.uuid.endswith(_VENDOR):
            # HAP's own types need no description; controllers know them.
            self._loader_display_name = kind.name

    def show(self, value: Value) -> bool:
        """Hold the value (already checked); True when that changes what a controller reads."""
        if self.kind.name == PRESS:
            return True
        reading = shown(self.kind, value)
        if reading == self._value:
            return False
        self.value = reading
        return True


class _StoredIids(IIDManager):  # type: ignore[misc]  # pyhap is untyped
    def __init__(self, iids: Mapping[str, int]) -> None:
        super().__init__()
        self._stored = iids

    def get_iid_for_obj(self, obj: Any) -> int:
        return self._stored[obj.unique_id]


class DeviceAccessory(hap.Accessory):  # type: ignore[misc]  # pyhap is untyped
    """One device as HomeKit sees it. Building it anew keeps ids and subscriptions.

    `value` tells what each series shows at first, `kind` with which limits; `available` is asked at
    every read; `write` is called with what a controller at an address writes, checked already, and
    answers with a HAP status.
    """

    def __init__(
        self,
        driver: Any,
        aid: int,
        iids: Mapping[str, int],
        device: str,
        plans: Sequence[ServicePlan],
        *,
        value: Callable[[SeriesKey], Value],
        available: Callable[[], bool],
        write: Callable[[SeriesKey, Value, tuple[str, int]], int],
        kind: Callable[[SeriesKey], Characteristic] | None = None,
    ) -> None:
        name = str(value(SeriesKey(device, INFORMATION, 0, "Name")))
        super().__init__(driver, name, aid=aid, iid_manager=_StoredIids(iids))
        self.device = device
        self.shown: dict[SeriesKey, ShownCharacteristic] = {}
        self._available = available
        self._kind = kind or (lambda key: CHARACTERISTICS[key.characteristic])
        self.write = write
        for plan in sorted(plans, key=lambda p: iids[part(p.service, p.index)]):
            self._add(plan, value)
        self._link_buttons()
        shown = (p.service for p in plans if p.service != INFORMATION)
        self.category: int = SERVICES[next(shown)].category

    @property
    def available(self) -> bool:
        """Whether a read is answered with a value rather than "No Response"."""
        return self._available()

    def add_info_service(self) -> None:
        """Nothing: AccessoryInformation is one of the plans."""

    def setup_message(self) -> None:
        """Nothing on standard output."""

    def _link_buttons(self) -> None:
        """A ServiceLabel names the services that it numbers."""
        label = self.get_service(LABEL)
        for service in self.services:
            if label is not None and service.display_name == BUTTON:
                label.add_linked_service(service)

    def _add(self, plan: ServicePlan, value: Callable[[SeriesKey], Value]) -> None:
        known = SERVICES[plan.service]
        service = HapService(
            hap_type_to_uuid(known.uuid), known.name, part(plan.service, plan.index)
        )
        for name in plan.characteristics:
            key = SeriesKey(self.device, plan.service, plan.index, name)
            characteristic = ShownCharacteristic(key, self._kind(key))
            characteristic.show(value(key))
            service.add_characteristic(characteristic)
            self.shown[key] = characteristic
        self.add_service(service)
