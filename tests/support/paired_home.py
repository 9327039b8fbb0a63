"""A controller that is paired with a tenant's bridge, over the deaths of workers that have it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from contracts.homekit.definitions import INFORMATION
from tests.support.controller import Phone, Place, value_in
from tests.support.publisher import Publisher
from tests.support.workers import WorkerProcess

__all__ = ["PairedHome"]


@dataclass
class PairedHome:
    """The phone of one tenant, which follows the temperature of one of its devices."""

    tenant: str
    device: str
    phone: Phone
    place: Place
    bridge: dict[str, Any]
    aids: dict[str, int]

    @classmethod
    async def at(cls, worker: WorkerProcess, tenant: str, device: str) -> PairedHome:
        """Pair with the tenant's first bridge; the device is shown there."""
        bridge = await _bridge(worker, tenant)
        phone = await Phone.pair("127.0.0.1", bridge["port"], bridge["pin"])
        place = await phone.wait_for(device, "TemperatureSensor", "CurrentTemperature")
        return cls(tenant, device, phone, place, bridge, await _aids(phone))

    async def over(self, began: float) -> float:
        """Another worker has the bridge: the same for the phone; how many seconds after `began`."""
        while True:
            try:
                self.phone = await self.phone.again()
                async with asyncio.timeout(5):
                    aids = await _aids(self.phone)
                break
            except Exception:  # noqa: BLE001  # whatever aiohomekit says while nobody listens
                await asyncio.sleep(0.05)
        assert self.aids.items() <= aids.items()
        return time.monotonic() - began

    async def hears(self, value: float, port: int) -> None:
        """What the device says at the broker of that port is an event here."""
        await self.phone.subscribe(self.place)
        device = Publisher(self.device, port, 0)
        await device.connect_anonymously()
        topic = f"HomeKit/{self.device}/TemperatureSensor/CurrentTemperature"
        await device.send(topic, str(value).encode(), tag=1)
        await device.drain()
        await device.close()
        assert await self.phone.event(self.place) == value

    async def is_unchanged(self, worker: WorkerProcess) -> None:
        """What it was paired by is as it was, and it is the one that is paired."""
        after = await _bridge(worker, self.tenant)
        assert {**after, "controllers": []} == {**self.bridge, "controllers": []}
        assert after["controllers"] == [self.phone.pairing.pairing_data["iOSPairingId"]]


async def _bridge(worker: WorkerProcess, tenant: str) -> dict[str, Any]:
    found = await worker.ask("GET", "/homekit/pairings", params={"tenant": tenant})
    return next(one for one in found if one["number"] == 0)


async def _aids(phone: Phone) -> dict[str, int]:
    """The accessories' ids by serial number; none has another's."""
    tree = await phone.tree()
    aids = {str(value_in(one, INFORMATION, "SerialNumber")): one["aid"] for one in tree}
    assert len(set(aids.values())) == len(tree)
    return aids
