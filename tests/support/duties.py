"""What the duties are to do once, whoever has them: a rollout's commands, and a notification."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any

import httpx

from tests.hub.notifications.receiver import Receiver
from tests.support.hub import HubProcess, until
from tests.support.mqtt311 import Client

__all__ = ["Configurable", "DutiesWitness"]

TEMPERATURE = "TemperatureSensor/CurrentTemperature"


class Configurable:
    """A device that takes up its `$config` and reports it; `versions` are those it took up."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.port = name, port
        self.versions: list[int] = []
        self._wakes = 0

    async def wake(self) -> None:
        """One wake, over after 3 s whatever the other side does."""
        self._wakes += 1
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            async with asyncio.timeout(3):
                client = await Client.connect("127.0.0.1", self.port, self.name)
                try:
                    await self._talk(client)
                finally:
                    await client.close()

    async def _talk(self, client: Client) -> None:
        await client.subscribe(f"HomeKit/{self.name}/$config", 0)
        await client.ping()  # what is retained has come when this is answered
        for _, payload, _ in client.got:
            version = json.loads(payload)["version"] if payload else None
            if version is not None and version not in self.versions[-1:]:
                self.versions.append(version)
        report = {
            "firmware": "1.0.0", "board": "nodemcu", "reset": "deepsleep", "boot": "00c0ffee",
            "seq": self._wakes, "awake_ms": 400, "heap_free": 20_000, "battery_mv": 3000,
            "next_wake_s": 1, "problems": [],
        }  # fmt: skip
        if self.versions:
            report["config"] = self.versions[-1]
        await client.publish(f"HomeKit/{self.name}/{TEMPERATURE}", "2")
        await client.publish(f"HomeKit/{self.name}/$report", json.dumps(report))


class DutiesWitness:
    """Has a rollout and a rule begun, wakes their devices, and says how often each was done."""

    RULE = "below 3 degrees"

    def __init__(
        self, workers: Sequence[HubProcess], ports: Sequence[int], count: int, receiver: Receiver
    ) -> None:
        self._workers, self._receiver = workers, receiver
        self.devices = [Configurable(f"c{n:03}", ports[n % len(ports)]) for n in range(count)]
        self._number = 0

    async def ask(self, method: str, path: str, **request: Any) -> Any:
        """What the worker answers that has the duties, as soon as one has."""
        async with asyncio.timeout(120):
            while True:
                for worker in self._workers:
                    with contextlib.suppress(httpx.TransportError):
                        async with worker.operator() as client:
                            answer = await client.request(method, path, **request)
                        if answer.status_code < 500:
                            return answer.raise_for_status().json()
                await asyncio.sleep(0.2)

    async def begin(self) -> None:
        """A rule about one device and a rollout to all, one device after the other."""
        names = {one.name for one in self.devices}

        async def known() -> bool:
            await self.wake()
            return names <= {one["id"] for one in (await self.ask("GET", "/status"))["devices"]}

        await until(known, limit_s=120, every_s=0.5)
        address = f"http://{self._receiver.host}/told"
        hook = {"name": "Ops", "kind": "webhook", "address": address}
        await self.ask("POST", "/notifications/channels", json=hook)
        rule = {"sentence": f"{self.devices[0].name} {self.RULE}", "tell": ["Ops"]}
        await self.ask("POST", "/notifications/rules", json=rule)
        rollout = {
            "select": {"devices": sorted(names)},
            "settings": {"interval": 2},
            "options": {"canary": 1, "wave": "1", "reports": 1, "awake_percent": 0},
        }
        self._number = (await self.ask("POST", "/rollouts", json=rollout))["id"]

    async def wake(self) -> None:
        """All of them, once."""
        await asyncio.gather(*(one.wake() for one in self.devices))

    async def end(self) -> None:
        """Until the rollout is over and the notification is there."""

        async def over() -> bool:
            await self.wake()
            await asyncio.sleep(0.5)  # between two wakes of the devices
            found = await self.ask("GET", f"/rollouts/{self._number}")
            return found["phase"] != "running" and bool(self.told())

        await until(over, limit_s=300)

    async def commanded(self) -> dict[str, int]:
        """How often each device was commanded by the rollout; raises where it is not done."""
        found = await self.ask("GET", f"/rollouts/{self._number}")
        history = await self.ask("GET", f"/rollouts/{self._number}/history")
        assert found["phase"] == "done", (found["reason"], history)
        given = [one["device"] for one in history if one["after"] == "commanded"]
        return {one.name: given.count(one.name) for one in self.devices}

    def told(self) -> dict[str, int]:
        """How often each message came that said something began, by its `webhook-id`."""
        ids = [
            one.headers["webhook-id"]
            for one in self._receiver.got
            if any(alert["told"] == "opened" for alert in one.said["data"]["alerts"])
        ]
        return {one: ids.count(one) for one in ids}
