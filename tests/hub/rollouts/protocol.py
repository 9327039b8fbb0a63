"""Devices at protocol level: what a hub hears of them, through a real broker, without a VM."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts import messages
from hub.database.database import Database
from hub.devices.repository import DeviceRepository
from hub.firmware.repository import FirmwareRepository
from hub.mqtt.delivery import Delivery
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.listener import Listener
from hub.mqtt.source import MqttSource
from hub.rollouts.runner import Runner
from hub.rollouts.service import Rollouts
from hub.rollouts.streams import StreamUnansweredError
from hub.runtime.problems import Problems
from tests.support.broker import owner
from tests.support.images import canned_image
from tests.support.ports import claimed_port

OLD, NEW = "1.0.0", "2.0.0"
WORD_S = 2.0


class PlainBroker:
    """A mosquitto for everybody on the loopback address; it keeps nothing when it is killed."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="dormouse-broker-"))
        self.port = claimed_port()
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        config = self._folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nlog_type none\n"
            "max_queued_messages 0\nset_tcp_nodelay true\n"
        )
        user = owner()
        self._folder.chmod(0o755)
        self._process = await asyncio.create_subprocess_exec(
            shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/sbin") or "mosquitto",
            "-c", str(config), user=user.pw_uid if user else None,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def kill(self) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        await self.kill()
        shutil.rmtree(self._folder)


@dataclass
class ProtocolDevice:
    """What a device is between two wakes."""

    name: str
    version: str = OLD
    awake_ms: int = 400
    seq: int = 0
    note: int = 0
    waiting: int = 0
    server: bool = False
    outcome: bool = False
    word: asyncio.Event = field(default_factory=asyncio.Event)


class Fleet:
    """Devices that wake when they are told to; their OTA servers take what is streamed."""

    def __init__(self, port: int, names: list[str], *, next_wake_s: float = 60) -> None:
        self.devices = {name: ProtocolDevice(name) for name in names}
        self.retained: dict[str, dict[str, Any]] = {}
        self.said: Counter[str] = Counter()
        self.commands: dict[str, list[int]] = {name: [] for name in names}
        self._next_wake_s = next_wake_s
        self._source = MqttSource(
            Endpoint("127.0.0.1", port), ["HomeKit/+/$ota"], client_id="fleet", session_s=0
        )

    async def start(self) -> None:
        await self._source.start(self._deliver)
        await self._source.connected.wait()

    async def stop(self) -> None:
        await self._source.stop()

    async def wake(self, name: str) -> None:
        """Report, answer the command that is there, and wait for the hub's word."""
        device = self.devices[name]
        if device.server:
            return
        device.seq += 1
        if device.outcome:
            device.outcome = False
            await self._say(device, device.note, "updated")
        await self.report(name)
        command = self.retained.get(name)
        if command is None or command["id"] <= device.note:
            return
        device.waiting = command["id"]
        device.word.clear()
        await self._say(device, device.waiting, "accepted", address="127.0.0.1")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WORD_S):
                await device.word.wait()
        device.waiting = 0

    async def report(self, name: str) -> None:
        device = self.devices[name]
        report = {
            "firmware": device.version, "board": "nodemcu", "reset": "deepsleep",
            "boot": "00000001", "seq": device.seq, "awake_ms": device.awake_ms,
            "heap_free": 20000, "battery_mv": 3000, "next_wake_s": self._next_wake_s,
        }  # fmt: skip
        await self._publish(name, "$report", report)

    async def _say(self, device: ProtocolDevice, command: int, state: str, **more: Any) -> None:
        self.said[state] += 1
        said = {"id": command, "state": state, "version": device.version, **more}
        await self._publish(device.name, "$ota/state", said)

    async def _publish(self, name: str, topic: str, said: dict[str, Any]) -> None:
        await self._source.publish(f"HomeKit/{name}/{topic}", json.dumps(said))

    def _deliver(self, delivery: Delivery) -> None:
        name = delivery.topic.split("/")[1]
        device = self.devices[name]
        self._source.acknowledge(delivery)
        if not delivery.payload:
            self.retained.pop(name, None)
            if device.waiting:
                device.note, device.waiting = device.waiting, 0
                device.server = True
                device.word.set()
                self._task = asyncio.ensure_future(self._say(device, device.note, "updating"))
            return
        word = json.loads(delivery.payload)
        if "later" in word:
            device.waiting = 0
            device.word.set()
        else:
            self.retained[name] = word
            if word["id"] not in self.commands[name]:
                self.commands[name].append(word["id"])


class Air:
    """What streams go through, where hardware would be: a device in its OTA server takes all."""

    def __init__(self, fleet: Fleet, limit: int, *, patience: float = 10.0) -> None:
        self.fleet = fleet
        self.limit = limit
        self.most = 0
        self.now = 0
        self._patience = patience

    def assume_in_ota_server(self, *devices: str) -> None:
        pass

    def seen_running(self, *devices: str) -> None:
        pass

    async def send(self, device: str, address: str | None, canned: bytes, progress: Any) -> None:
        taking = self.fleet.devices[device]
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            async with asyncio.timeout(self._patience):
                while not taking.server:
                    await asyncio.sleep(0.002)
        except TimeoutError:
            raise StreamUnansweredError(device, "no answer") from None
        finally:
            self.now -= 1
        taking.server, taking.version, taking.outcome = False, NEW, True


class _NoBridge:
    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


class Side:
    """The hub's part: source, listener, runner, rollouts; as often as it is started."""

    def __init__(self, store: Database, port: int, air: Air) -> None:
        self.store, self.air, self._port = store, air, port
        self.problems = Problems()
        self.configs: Any = _NoBridge()

    async def start(self, *, keep_reports: bool = True) -> None:
        self.source = MqttSource(
            Endpoint("127.0.0.1", self._port), ["HomeKit/#"], client_id="hub", mark="hub"
        )
        bridge: Any = _NoBridge()
        self.listener = Listener(self.source, bridge, bridge, self.problems)
        firmware = FirmwareRepository(self.store.of("home"))
        self.runner = Runner(
            self.store, self.source, self.air, tenant_of=lambda _: "home",
            configs=lambda _: self.configs, load=lambda _, image: firmware.load(image),
            problems=self.problems,
        )  # fmt: skip
        self.rollouts = Rollouts(self.store, self.runner, lambda _: firmware)
        if keep_reports:
            self.listener.on(messages.Report, self._keep)
        self.listener.on(messages.Report, self.runner.report)
        self.listener.on(messages.OtaState, self.runner.answer)
        await self.listener.start()
        await self.runner.start()
        await self.source.connected.wait()

    async def stop(self) -> None:
        await self.runner.stop()
        await self.listener.stop()

    async def add_image(self, version: str = NEW) -> int:
        return (
            await FirmwareRepository(self.store.of("home")).add(canned_image(version, seed=version))
        ).id

    async def _keep(self, report: messages.Report, delivery: Delivery) -> None:
        devices = DeviceRepository(self.store.of("home"))
        await devices.report(report.device, report.raw, delivery.at, report.next_wake_s)


@contextlib.asynccontextmanager
async def plain_broker() -> AsyncIterator[PlainBroker]:
    broker = PlainBroker()
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()
