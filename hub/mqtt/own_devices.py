"""What is said to devices in a tenant's name: to its own, and no other tenant's.

A tenant may have a device in its database that is another's at the broker: it was its own before,
or a file that was imported has its name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from contracts import topics

__all__ = ["IsOthers", "PublishMessage", "nobody_elses", "to_own_devices"]

IsOthers = Callable[[str, str], bool]
"""Whether a device, the second, is another tenant's than the first: Mqtt.is_others."""


class PublishMessage(Protocol):
    """MqttSource.publish."""

    async def __call__(
        self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Returns when the broker has it. Raises NotConnectedError."""


def nobody_elses(_tenant: str, _device: str) -> bool:
    """Where there are no other tenants: no."""
    return False


def to_own_devices(publish: PublishMessage, tenant: str, is_others: IsOthers) -> PublishMessage:
    """Publish as `publish` does, but nothing to another tenant's devices.

    That is no error: who asked for it is told no more than of a device that is switched off.
    """

    async def publish_to_own(
        topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        device = topics.device_of(topic)
        if device is None or not is_others(tenant, device):
            await publish(topic, payload, qos=qos, retain=retain)

    return publish_to_own
