"""A service of the hub's own that is announced beside its bridges, at their addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from zeroconf import ServiceInfo

__all__ = ["AnnouncedService"]


@dataclass(frozen=True, slots=True)
class AnnouncedService:
    """A service for multicast DNS (RFC 6763).

    `kind` is like "_http._tcp", `instance` what people are shown, `server` the name of this machine
    there, without ".local"; `properties` are its TXT record.
    """

    kind: str
    instance: str
    server: str
    port: int
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The whole of its name."""
        return f"{self.instance}.{self.kind}.local."

    def info(self, addresses: Iterable[str]) -> ServiceInfo:
        """As zeroconf announces it at these addresses."""
        return ServiceInfo(
            f"{self.kind}.local.",
            self.name,
            server=f"{self.server}.local.",
            port=self.port,
            properties=dict(self.properties),
            parsed_addresses=list(addresses),
        )
