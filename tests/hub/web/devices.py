"""Devices that speak to a test's hub, at protocol level."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from tests.support.hub import HubProcess, until
from tests.support.publisher import Publisher

__all__ = ["device"]


@contextlib.asynccontextmanager
async def device(
    hub: HubProcess, name: str, *, enrol: bool = True, **values: str
) -> AsyncIterator[Publisher]:
    """A device that enrolled and published `Service__Characteristic="value"`; heard by the hub.

    With `enrol` False its account is made by hand.
    """
    one = Publisher(name, hub.facts["mqtt_port"], hub.facts["enrol_port"])
    if enrol:
        await one.enrol()
    else:
        await hub.ask("POST", f"/accounts/{name}", json={"password": one.password})
        await one.connect()
    try:
        for tag, (topic, value) in enumerate(values.items(), 1):
            path = topic.replace("__", "/")
            await one.send(f"HomeKit/{name}/{path}", value.encode(), tag=tag)
        await one.drain()
        last = list(values)[-1].split("__")[-1]
        await until(lambda: _heard(hub, name, last))
        yield one
    finally:
        await one.close()


async def _heard(hub: HubProcess, name: str, characteristic: str) -> bool:
    return await hub.value(name, characteristic) is not None
