"""A real HomeKit controller (aiohomekit) for tests: pairs by address, reads, subscribes, writes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, Self

import aiohappyeyeballs
import pytest
from aiohomekit.characteristic_cache import CharacteristicCacheMemory
from aiohomekit.controller.ip import IpController
from aiohomekit.controller.ip.discovery import IpDiscovery
from aiohomekit.controller.ip.pairing import IpPairing
from aiohomekit.exceptions import AuthenticationError
from aiohomekit.model.categories import Categories
from aiohomekit.model.feature_flags import FeatureFlags
from aiohomekit.model.status_flags import StatusFlags
from aiohomekit.zeroconf import HomeKitService

from contracts.homekit.definitions import CHARACTERISTICS, INFORMATION, SERVICES
from contracts.reading import SeriesKey, Value
from hub.database.errors import DatabaseAwayError
from hub.homekit.state import AccessoryRecord, BridgeRecord, PresenceRecord, Saved, StateChange

# Everything here happens on loopback, but others may have the processors: what takes longer has
# failed.
PATIENCE = 60.0

Place = tuple[int, int]

_start_connection = aiohappyeyeballs.start_connection


async def _connected(*arguments: Any, **options: Any) -> socket.socket:
    """aiohomekit loses a socket whose peer hung up before it asked for its name: it stays open."""
    connection = await _start_connection(*arguments, **options)
    try:
        connection.getpeername()
    except OSError:
        connection.close()
        raise
    return connection


aiohappyeyeballs.start_connection = _connected


class Quiet:
    """In place of zeroconf where a test pairs by address: keeps what was advertised last."""

    def __init__(self) -> None:
        self.infos: dict[str, Any] = {}

    async def async_register_service(self, info: Any, **_: Any) -> None:
        self.infos[info.name] = info

    async def async_update_service(self, info: Any) -> None:
        self.infos[info.name] = info

    async def async_unregister_service(self, info: Any) -> None:
        self.infos.pop(info.name, None)

    def txt(self, name: str, number: int = 0) -> str:
        """A member of the TXT record (`c#`, `sf`) of the number-th bridge."""
        info = list(self.infos.values())[number]
        return info.decoded_properties[name]


class MemoryState:
    """HomeKitState without a database; `fail` makes saving raise."""

    def __init__(self) -> None:
        self.bridges: dict[int, BridgeRecord] = {}
        self.accessories: dict[str, AccessoryRecord] = {}
        self.values: dict[SeriesKey, Value] = {}
        self.presence: dict[str, PresenceRecord] = {}
        self.measured: dict[SeriesKey, datetime] = {}
        self.fail = False

    async def load(self) -> Saved:
        return Saved(
            list(self.bridges.values()),
            list(self.accessories.values()),
            dict(self.values),
            list(self.presence.values()),
            dict(self.measured),
        )

    async def save(self, change: StateChange) -> None:
        if self.fail:
            raise DatabaseAwayError("gone")
        for device in change.forgotten:
            self.accessories.pop(device, None)
            self.presence.pop(device, None)
            self.values = {k: v for k, v in self.values.items() if k.device != device}
        self.bridges |= {record.number: record for record in change.bridges}
        self.accessories |= {record.device: record for record in change.accessories}
        self.values |= change.values
        self.measured |= change.measured
        self.presence |= {record.device: record for record in change.presence}


class Phone:
    """One paired controller. Use as a context manager, or call `close`."""

    def __init__(self, pairing: IpPairing, controller: IpController, service: HomeKitService):
        self.pairing, self.controller, self._service = pairing, controller, service
        self.events: asyncio.Queue[tuple[Place, Any]] = asyncio.Queue()
        self.unavailable = asyncio.Event()
        self._tree: list[dict[str, Any]] = []
        self._undo = pairing.dispatcher_connect(self._event)

    @classmethod
    async def pair(cls, host: str, port: int, pin: str) -> Self:
        """Pair by address, without multicast. Raises aiohomekit's errors."""
        controller = IpController(CharacteristicCacheMemory(), zeroconf_instance=None)
        service = service_at(host, port)
        discovery = IpDiscovery(controller, service)
        try:
            async with asyncio.timeout(PATIENCE):  # aiohomekit itself would try for ever
                finish = await discovery.async_start_pairing("phone")
                pairing = await finish(pin)
        finally:
            await discovery.close()
        pairing._async_description_update(service)
        return cls(pairing, controller, service)

    @classmethod
    async def of(cls, data: dict[str, Any]) -> Self:
        """A controller that has its pairing already."""
        controller = IpController(CharacteristicCacheMemory(), zeroconf_instance=None)
        service = service_at(data["AccessoryIP"], data["AccessoryPort"])
        pairing = IpPairing(controller, data)
        pairing._async_description_update(service)
        return cls(pairing, controller, service)

    async def again(self, port: int | None = None) -> Phone:
        """The same pairing on a new connection, as after the phone or the hub restarted."""
        await self.close()
        data = dict(self.pairing.pairing_data)
        return await Phone.of(data | {"AccessoryPort": port or data["AccessoryPort"]})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self._undo()
        # One that was unpaired from the other side may have tried to connect again, in vain: what
        # its attempt ended with is no failure of closing it.
        with contextlib.suppress(AuthenticationError):
            await self.pairing.close()

    async def unpair(self) -> None:
        await self.pairing.remove_pairing(self.pairing.pairing_data["iOSPairingId"])

    # --- the tree ---

    async def tree(self) -> list[dict[str, Any]]:
        """The accessory database, as the bridge sends it."""
        self._tree = await self.pairing.list_accessories_and_characteristics()
        return self._tree

    async def find(
        self, device: str, service: str, characteristic: str, index: int = 0
    ) -> Place | None:
        """(aid, iid) of a device's characteristic; a device is known by its serial number."""
        for accessory in await self.tree():
            if value_in(accessory, INFORMATION, "SerialNumber") != device:
                continue
            found = [s for s in accessory["services"] if is_type(s, SERVICES[service].uuid)]
            for part in found[index : index + 1]:
                for char in part["characteristics"]:
                    if is_type(char, CHARACTERISTICS[characteristic].uuid):
                        return accessory["aid"], char["iid"]
        return None

    async def wait_for(
        self, device: str, service: str, characteristic: str, index: int = 0
    ) -> Place:
        """The same, once it is there."""
        async with asyncio.timeout(PATIENCE):
            while True:
                place = await self.find(device, service, characteristic, index)
                if place is not None:
                    return place
                await asyncio.sleep(0.02)

    # --- values ---

    async def read(self, place: Place) -> Any:
        """The value; raises Refused with the HAP status."""
        answer = (await self.pairing.get_characteristics([place]))[place]
        if answer.get("status"):
            raise Refused(answer["status"])
        return answer["value"]

    async def until(self, place: Place, right: Callable[[Any], bool]) -> Any:
        """The value, once it is right (and readable)."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(Refused):
                    if right(value := await self.read(place)):
                        return value
                await asyncio.sleep(0.02)

    async def write(self, place: Place, value: Any) -> None:
        """Write; raises Refused with the HAP status."""
        answers = await self.pairing.put_characteristics([(*place, value)])
        for answer in answers.values():
            if answer["status"]:
                raise Refused(answer["status"])

    async def subscribe(self, *places: Place) -> None:
        await self.pairing.subscribe(places)

    async def event(self, place: Place) -> Any:
        """The next event of a characteristic; others are dropped."""
        async with asyncio.timeout(PATIENCE):
            while True:
                where, value = await self.events.get()
                if where == place:
                    return value

    def _event(self, event: dict[Place, dict[str, Any]]) -> None:
        for place, said in event.items():
            self.events.put_nowait((place, said.get("value")))


class Refused(Exception):  # noqa: N818
    """A HAP status that is not success."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def service_at(host: str, port: int) -> HomeKitService:
    """What multicast would have told of a bridge."""
    return HomeKitService(
        name="test",
        id="00:00:00:00:00:00",
        model="",
        feature_flags=FeatureFlags(0),
        status_flags=StatusFlags(0),
        config_num=0,
        state_num=1,
        category=Categories(2),
        protocol_version="1.1",
        type="_hap._tcp.local.",
        address=host,
        addresses=[host],
        port=port,
    )


def is_type(part: dict[str, Any], type_uuid: str) -> bool:
    """Whether a service or characteristic of the tree is of a type."""
    return uuid.UUID(_long(part["type"])) == uuid.UUID(_long(type_uuid))


def _long(type_uuid: str) -> str:
    return type_uuid if "-" in type_uuid else f"{type_uuid:0>8}-0000-1000-8000-0026BB765291"


def value_in(accessory: dict[str, Any], service: str, characteristic: str) -> Any:
    """A value in an accessory of the tree; None where there is none."""
    for part in accessory["services"]:
        if is_type(part, SERVICES[service].uuid):
            for char in part["characteristics"]:
                if is_type(char, CHARACTERISTICS[characteristic].uuid):
                    return char.get("value")
    return None


@pytest.fixture
async def pair() -> AsyncIterator[Callable[..., Any]]:
    """`await pair(host, port, pin)`: a Phone that is closed at the end of the test."""
    phones: list[Phone] = []

    async def make(host: str, port: int, pin: str) -> Phone:
        phone = await Phone.pair(host, port, pin)
        phones.append(phone)
        return phone

    yield make
    for phone in phones:
        await phone.close()
