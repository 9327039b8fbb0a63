"""The hub's own announcement, by which a device that was given no address finds it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from hub.homekit.announced import AnnouncedService
from hub.homekit.bridge import Bridge

__all__ = ["SERVICE", "HubAnnouncement", "announced"]

SERVICE = "_dormouse._tcp"
"""What firmware/dormouse/mdns.py asks for; docs/topics.md says what is answered."""

_LABEL = 63  # bytes of a name between two dots (RFC 1035, section 2.3.4)


def announced(identity: str, machine: str, ports: Mapping[str, int]) -> AnnouncedService:
    """What is announced: `identity` tells hubs apart and stays, `machine` is for people.

    The name is the hub's own: that of the machine is announced by others, and would be theirs.
    """
    short = identity.replace(":", "")[-6:].lower()
    room = _LABEL - len(f"Dormouse on  {short}")
    return AnnouncedService(
        SERVICE,
        f"Dormouse on {machine.partition('.')[0][:room]} {short}",
        f"dormouse-hub-{short}",
        ports["mqtt"],
        {name: str(ports[name]) for name in ("enrol", "http") if ports.get(name)},
    )


class HubAnnouncement:
    """Announces the hub with the bridges of `bridge`, where the broker is its own.

    `ports` has `mqtt`, `enrol` and `http`, once the broker runs; without `mqtt` nothing is said.
    """

    def __init__(
        self, bridge: Callable[[], Bridge], ports: Callable[[], Mapping[str, int]]
    ) -> None:
        self._bridge, self._ports = bridge, ports
        self._service: AnnouncedService | None = None

    @property
    def name(self) -> str | None:
        """The name by which the hub's address can be asked for; None while nothing is announced."""
        return f"{self._service.server}.local" if self._service else None

    async def start(self) -> None:
        """Begin."""
        ports, bridge = self._ports(), self._bridge()
        if ports.get("mqtt"):
            identity = bridge.tree.identities.bridges[0].mac
            self._service = announced(identity, socket.gethostname(), ports)
            await bridge.advertiser.announce(self._service)

    async def stop(self) -> None:
        """Take it back."""
        if self._service is not None:
            await self._bridge().advertiser.withdraw(self._service)
            self._service = None
