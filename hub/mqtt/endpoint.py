"""A broker's address and our account there."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from hub.errors import SettingsError

__all__ = ["Endpoint"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A broker's address and our account there."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Host and port, as settings have them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def all_of(cls, urls: Iterable[str]) -> list[Endpoint]:
        """From several. Raises SettingsError, for one that is named twice, too."""
        found = [cls.of(url) for url in urls]
        names: dict[tuple[str, int], str] = {}
        for one in found:
            address = _address(one.host), one.port
            if address in names:
                raise SettingsError(
                    f"DORMOUSE_MQTT_URL: {names[address]} and {one.name} are the same broker: "
                    "name it once"
                )
            names[address] = one.name
        return found

    @classmethod
    def of(cls, url: str) -> Endpoint:
        """From `mqtt[s]://[user:password@]host[:port]`. Raises SettingsError."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            # It has a password in it.
            raise SettingsError("DORMOUSE_MQTT_URL: not a URL (is its port a number?)") from None
        host = (parts.hostname or "").replace(",", "")  # between two URLs, and nowhere else
        if parts.scheme not in {"mqtt", "mqtts"} or host != parts.hostname or parts.path.strip("/"):
            raise SettingsError(
                "DORMOUSE_MQTT_URL: must be mqtt://user:password@host:port (or mqtts://)"
            )
        tls = ssl.create_default_context() if parts.scheme == "mqtts" else None
        return cls(
            parts.hostname,
            port or (8883 if tls else 1883),
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            tls,
        )


def _address(host: str) -> str:
    """What two names of this machine's loopback address have in common; names are not resolved."""
    return "127.0.0.1" if host.lower() in {"localhost", "::1"} else host.lower()
