"""`dormouse site forward`: what a site's devices say, kept on disk, brought with honest times."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from contracts import topics
from hub.errors import SettingsError
from hub.mqtt.delivery import Delivery
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.errors import NotConnectedError
from hub.mqtt.source import MqttSource
from hub.sites.errors import GatewayError
from hub.sites.sender import DeviceSender, is_too_large
from hub.sites.waiting import WaitingMessages

__all__ = ["Forward", "ForwardSettings"]

# s: between two looks at a line that is not there.
_PAUSE_S = 1.0
# Messages of all devices that wait for their `$ack`: some readings each, of the 50,000 that the hub
# takes of a tenant at once (hub/ingest).
_MOST = 500
# What the hub tells a device, and nothing else of what is under its name.
_DOWN = ("$ack", "$config", "$ota", "+/+/set", "+/+/+/set")


@dataclass(frozen=True, slots=True)
class ForwardSettings:
    """Both brokers, and the devices that are forwarded for."""

    hub: Endpoint = field(repr=False)
    here: Endpoint = field(repr=False)
    devices: tuple[str, ...]

    @classmethod
    def of(cls, path: Path) -> ForwardSettings:
        """From the file that `dormouse site forwarder` made. Raises GatewayError."""
        try:
            mode = path.stat().st_mode & 0o777
            if mode & 0o077:
                raise GatewayError(
                    f"{path} holds passwords, and others can read it (mode {mode:04o}): "
                    f"chmod 600 {path}"
                )
            said = json.loads(path.read_text("utf-8"))
            devices = tuple(str(one) for one in said["devices"] if topics.is_device_id(str(one)))
            return cls(Endpoint.of(said["hub"]), Endpoint.of(said["here"]), devices)
        except OSError as error:
            raise GatewayError(f"{path}: {error.strerror}") from None
        except SettingsError:
            raise GatewayError(
                f"{path} has an address that is not mqtt://user:password@host:port: make it again"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise GatewayError(
                f"{path} is no file of `dormouse site forwarder`: make it again"
            ) from None


class Forward:
    """Forwards between both brokers, as long as it runs."""

    def __init__(self, settings: ForwardSettings, waiting: WaitingMessages) -> None:
        self._devices, self._waiting = frozenset(settings.devices), waiting
        name = settings.hub.user or "forwarder"
        up = [f"{topics.ROOT}/{one}/#" for one in settings.devices]
        down = [f"{topics.ROOT}/{one}/{what}" for one in settings.devices for what in _DOWN]
        self._here = MqttSource(settings.here, up, client_id=f"{name}-here", mark=name)
        self._hub = MqttSource(settings.hub, down, client_id=name, mark=name, strict=True)
        self._senders: dict[str, DeviceSender] = {}
        self._acknowledged_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Until it is cancelled. Raises GatewayError where the queue's disk is full."""
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for device in sorted(self._devices.union(self._waiting.devices())):
            self._senders[device] = self._sender(device)
        await self._here.start(self._heard)
        await self._hub.start(self._told)
        senders = [asyncio.create_task(one.run()) for one in self._senders.values()]
        try:
            ended, _ = await asyncio.wait(
                [self._failed, *senders], return_when=asyncio.FIRST_COMPLETED
            )
            for one in ended:
                one.result()
        finally:
            for task in (*senders, *self._tasks):
                task.cancel()
            await asyncio.gather(*senders, return_exceptions=True)
            await self._here.stop()
            await self._hub.stop()

    def _sender(self, device: str) -> DeviceSender:
        sender = DeviceSender(
            device,
            self._hub,
            self._waiting,
            room=lambda: _MOST - sum(len(one.unacknowledged) for one in self._senders.values()),
            others_at=lambda: self._acknowledged_at,
        )
        # Of one that left the site we do not hear what the hub acknowledges.
        sender.unacknowledged.given_up = device not in self._devices
        return sender

    def _heard(self, delivery: Delivery) -> None:
        """A device said something: it is acknowledged once it is on disk."""
        device = _device_of(delivery)
        # What is retained here was forwarded when it was said.
        ours = device in self._devices and not delivery.retained and not _is_down(delivery.topic)
        if ours and not is_too_large(delivery.topic, delivery.payload):
            qos = 0 if delivery.tag is None else 1
            try:
                self._waiting.put(delivery.topic, delivery.payload, qos, retain=False)
            except GatewayError as error:
                if not self._failed.done():
                    self._failed.set_exception(error)  # not acknowledged: it comes again
                return
            self._senders[device].wake()
        self._here.acknowledge(delivery)

    def _told(self, delivery: Delivery) -> None:
        """The hub told a device something: it is acknowledged once the broker here has it."""
        if delivery.topic.endswith("/$ack") and (sender := self._senders.get(_device_of(delivery))):
            if not delivery.retained:
                self._acknowledged_at = time.monotonic()
            sender.acknowledged(delivery.payload)
        self._tasks = [one for one in self._tasks if not one.done()]
        self._tasks.append(asyncio.create_task(self._tell(delivery)))

    async def _tell(self, delivery: Delivery) -> None:
        retain = not delivery.topic.endswith("/set")
        while True:
            try:
                await self._here.publish(delivery.topic, delivery.payload, retain=retain)
            except NotConnectedError:
                await asyncio.sleep(_PAUSE_S)
            else:
                self._hub.acknowledge(delivery)
                return


def _device_of(delivery: Delivery) -> str:
    return delivery.topic.split("/")[1] if delivery.topic.count("/") else ""


def _is_down(topic: str) -> bool:
    """Whether it is what the hub says, under a device's name."""
    last = topic.rpartition("/")[2]
    return last == "set" or (topic.count("/") == 2 and last in {"$ack", "$config", "$ota"})
