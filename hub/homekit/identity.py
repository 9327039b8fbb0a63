"""Who is who in HomeKit: bridges, accessory ids and instance ids, handed out once and kept."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.homekit.definitions import INFORMATION
from hub.homekit.state import AccessoryRecord, BridgeRecord

__all__ = ["MAX_ACCESSORIES", "Identities", "new_bridge", "part"]

MAX_ACCESSORIES = 149
"""HomeKit takes 150 accessories a bridge, the bridge itself among them."""

# HAP-python's issue 61: HomeKit does not take an accessory with aid 7.
_FORBIDDEN_AID = 7
# Codes that are too easy to guess (HAP specification 4.2.1).
_TRIVIAL_PINS = frozenset({d * 8 for d in "0123456789"} | {"12345678", "87654321"})
_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def part(service: str, index: int, characteristic: str = "") -> str:
    """The name under which an iid is kept."""
    name = f"{service}.{index}"
    return f"{name}.{characteristic}" if characteristic else name


def _pin() -> str:
    while True:
        digits = f"{secrets.randbelow(10**8):08}"
        if digits not in _TRIVIAL_PINS:
            return f"{digits[:3]}-{digits[3:5]}-{digits[5:]}"


def new_bridge(number: int) -> BridgeRecord:
    """A bridge nobody has paired yet, with random identity, pairing code and setup id."""
    return BridgeRecord(
        number=number,
        mac=":".join(f"{byte:02X}" for byte in secrets.token_bytes(6)),
        private_key=Ed25519PrivateKey.generate().private_bytes_raw().hex(),
        pin=_pin(),
        setup_id="".join(secrets.choice(_ALPHANUMERIC) for _ in range(4)),
    )


class Identities:
    """The records of all bridges and accessories, and which of them are not kept yet.

    No id is ever given to another part, not after removal either; a device stays with its bridge.
    `max_bridges` bounds what a flood of devices can do.
    """

    def __init__(
        self,
        bridges: Iterable[BridgeRecord],
        accessories: Iterable[AccessoryRecord],
        *,
        max_bridges: int = 16,
    ) -> None:
        self.bridges = {record.number: record for record in bridges}
        self.accessories = {record.device: record for record in accessories}
        self._max_bridges = max_bridges
        self._count = dict.fromkeys(self.bridges, 0)
        for record in self.accessories.values():
            if not record.removed:
                self._count[record.bridge] = self._count.get(record.bridge, 0) + 1
        self._new_bridges: set[int] = set()
        self._new_accessories: set[str] = set()
        if not self.bridges:
            self._add_bridge()

    def place(self, device: str) -> AccessoryRecord | None:
        """The device's record, made when it has none; None when every bridge is full."""
        record = self.accessories.get(device)
        if record is not None and not record.removed:
            return record
        if record is not None and self._count[record.bridge] < MAX_ACCESSORIES:
            return self._put(record.model_copy(update={"removed": False}), joins=True)
        bridge = self._with_room()
        if bridge is None:
            return None
        aid = bridge.next_aid + (bridge.next_aid == _FORBIDDEN_AID)
        self.keep(bridge.model_copy(update={"next_aid": aid + 1}))
        return self._put(
            AccessoryRecord(device=device, bridge=bridge.number, aid=aid, serial=_serial(device)),
            joins=True,
        )

    def number(self, device: str, parts: Iterable[str]) -> Mapping[str, int]:
        """The iids of a placed device, after giving one to every part that has none.

        AccessoryInformation is iid 1, always.
        """
        record = self.accessories[device]
        missing = [name for name in parts if name not in record.iids]
        if not missing:
            return record.iids
        iids, following = dict(record.iids), max(record.next_iid, 2)
        for name in missing:
            if name == part(INFORMATION, 0):
                iids[name] = 1
                continue
            iids[name] = following
            following += 1
        self._put(record.model_copy(update={"iids": iids, "next_iid": following}))
        return iids

    def name_service(self, device: str, service: str) -> None:
        """Note that HomeKit wrote the name of that service."""
        record = self.accessories[device]
        self._put(record.model_copy(update={"named": record.named | {service}}))

    def is_gone(self, device: str, service: str) -> bool:
        """Whether a service, or the device with it, was removed and not heard live since."""
        record = self.accessories.get(device)
        return record is not None and (record.removed or service in record.gone)

    def set_gone(self, device: str, service: str, *, gone: bool) -> None:
        """Note that a service was removed, or that it was heard live again."""
        record = self.accessories.get(device)
        if record is not None and (service in record.gone) != gone:
            services = record.gone | {service} if gone else record.gone - {service}
            self._put(record.model_copy(update={"gone": services}))

    def widen(self, device: str, name: str, limits: tuple[float, float]) -> None:
        """Note the limits of a part that went beyond HAP's own."""
        record = self.accessories[device]
        if record.widened.get(name) != limits:
            widened = {**record.widened, name: limits}
            self._put(record.model_copy(update={"widened": widened}))

    def set_desired(self, device: str, series: str, text: str | None) -> None:
        """Note what HomeKit wrote to a sleeping device (by part), or that it was done (None)."""
        record = self.accessories[device]
        desired = {name: value for name, value in record.desired.items() if name != series}
        if text is not None:
            desired[series] = text
        self._put(record.model_copy(update={"desired": desired}))

    def remove(self, device: str) -> bool:
        """Take a device out of HomeKit; False when it was not in it. Its ids stay its own."""
        record = self.accessories.get(device)
        if record is None or record.removed:
            # Whoever forgets a device forgets its record too: have it kept again.
            self._new_accessories.update({device} & self.accessories.keys())
            return False
        self._count[record.bridge] -= 1
        self._put(record.model_copy(update={"removed": True}))
        return True

    def replace(self, old: str, new: str) -> None:
        """Give the accessory of `old` to `new`; what `new` had is removed, what `old` had moves."""
        record = self.accessories[old]
        self.remove(new)
        spare = self.accessories.get(new)
        self._put(record.model_copy(update={"device": new}))
        # `old` keeps nothing of its own, so that it starts afresh should it ever come back.
        del self.accessories[old]
        self._new_accessories.discard(old)
        if spare is not None:
            self._put(spare.model_copy(update={"device": old}))

    def keep(self, record: BridgeRecord) -> None:
        """Take over a changed record of a bridge."""
        self.bridges[record.number] = record
        self._new_bridges.add(record.number)

    @property
    def changed(self) -> bool:
        """Whether some records are not kept yet."""
        return bool(self._new_bridges or self._new_accessories)

    def changes(self) -> tuple[list[BridgeRecord], list[AccessoryRecord]]:
        """The records that changed since the last call."""
        bridges = [self.bridges[number] for number in sorted(self._new_bridges)]
        accessories = [self.accessories[device] for device in sorted(self._new_accessories)]
        self._new_bridges.clear()
        self._new_accessories.clear()
        return bridges, accessories

    def not_saved(self, bridges: Iterable[BridgeRecord], others: Iterable[AccessoryRecord]) -> None:
        """Give back what `changes` handed out and could not be saved."""
        self._new_bridges.update(record.number for record in bridges)
        self._new_accessories.update(record.device for record in others)

    def _with_room(self) -> BridgeRecord | None:
        for number, record in sorted(self.bridges.items()):
            if self._count[number] < MAX_ACCESSORIES:
                return record
        return self._add_bridge() if len(self.bridges) < self._max_bridges else None

    def _add_bridge(self) -> BridgeRecord:
        record = new_bridge(max(self.bridges, default=-1) + 1)
        self._count[record.number] = 0
        self.keep(record)
        return record

    def _put(self, record: AccessoryRecord, *, joins: bool = False) -> AccessoryRecord:
        self.accessories[record.device] = record
        self._new_accessories.add(record.device)
        if joins:
            self._count[record.bridge] += 1
        return record


def _serial(device: str) -> str:
    """Unique since the device id is (which has no dot); two characters at least for HomeKit."""
    return device if len(device) > 1 else f"{device}."
