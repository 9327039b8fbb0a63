"""Who tries what of the trust matrix: identities, and a broker with a spy among them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from hub.mqtt.broker import Broker
from tests.support.broker import SPY, until
from tests.support.mqtt311 import Client

numbers = itertools.count()


@dataclass(frozen=True)
class Identity:
    name: str
    user: str | None
    password: str | None

    @property
    def own(self) -> str:
        return (self.user or "nobody").replace("#", "wild")


IDENTITIES = [
    Identity("nobody", None, None),
    Identity("device A", "deva", "a" * 32),
    Identity("device B", "devb", "b" * 32),
    Identity("other tenant's device", "devc", "c" * 32),
    Identity("viewer", "viewer", "v" * 32),
    Identity("wrong password", "deva", "x" * 32),
    Identity("empty password", "deva", ""),
    Identity("disabled", "devd", "d" * 32),
    Identity("unknown", "deve", "e" * 32),
    Identity("device named like a wildcard", "#", "a" * 32),
    Identity("hub", "hub", None),
]
LET_IN = {"device A", "device B", "other tenant's device", "viewer", "hub"}
DEVICES = {"device A", "device B", "other tenant's device"}
HOME = {"device A", "device B"}


class Place:
    """A broker with its accounts, and a spy."""

    def __init__(self, broker: Broker, spy: Client) -> None:
        self.broker = broker
        self.spy = spy

    async def client(self, identity: Identity, *, client_id: str = "", **options) -> Client:
        password = identity.password
        if identity.name == "hub":
            password = self.broker.endpoint.password
        return await Client.connect(
            "127.0.0.1", options.pop("port", None) or self.broker.main.ports["mqtt"],
            client_id, identity.user, password, **options,
        )  # fmt: skip

    async def spying(self) -> Client:
        """One more client that may do anything."""
        return await Client.connect("127.0.0.1", self.broker.main.ports["spy"], "", *SPY)

    async def seen(self, topic: str, payload: bytes) -> bool:
        """Whether the broker let a message through, whatever was sent so far."""
        marker = f"marker/{next(numbers)}"
        await self.spy.publish(marker, b"")
        await until(lambda: any(t == marker for t, _, _ in self.spy.got))
        return any((t, p) == (topic, payload) for t, p, _ in self.spy.got)


def foreign(identity: Identity) -> str:
    """A device that is not the identity's own, of tenant home."""
    return "devb" if identity.user == "deva" else "deva"
