"""A broker's address and our account there."""

from __future__ import annotations

import ssl
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

    @classmethod
    def of(cls, url: str) -> Endpoint:
        """From `mqtt[s]://[user:password@]host[:port]`. Raises SettingsError."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise SettingsError(f"DORMOUSE_MQTT_URL={url!r}: not a URL") from None
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or parts.path.strip("/"):
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
