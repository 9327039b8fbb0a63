"""Where a NATS cluster is: its servers for the hub, its MQTT gateways for devices and commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from hub.errors import SettingsError
from hub.mqtt.endpoint import Endpoint
from hub.nats.client import client_library
from hub.settings import Settings

__all__ = ["NatsCluster", "refuse_unfit_cluster"]

_FORM = "must be nats://user:password@host:port (or tls://), several separated by commas"


@dataclass(frozen=True, slots=True)
class NatsCluster:
    """`servers` are URLs without the login; `gateways` are MQTT 3.1.1."""

    servers: tuple[str, ...]
    gateways: tuple[Endpoint, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, urls: str, gateways: str) -> NatsCluster:
        """From two settings, each a list. Raises SettingsError."""
        servers, logins = [], set()
        for url in filter(None, map(str.strip, urls.split(","))):
            try:
                parts = urlsplit(url)
                port = parts.port or 4222
            except ValueError:
                raise SettingsError(f"DORMOUSE_NATS_URL: {_FORM}") from None
            if parts.scheme not in {"nats", "tls"} or not parts.hostname or parts.path.strip("/"):
                raise SettingsError(f"DORMOUSE_NATS_URL: {_FORM}")
            servers.append(f"{parts.scheme}://{parts.hostname}:{port}")
            logins.add((parts.username, parts.password))
        if len(logins) != 1:
            raise SettingsError("DORMOUSE_NATS_URL: all servers must have the same user")
        (user, password), *_ = logins
        found = tuple(_gateways(gateways))
        if not found:
            raise SettingsError(
                "DORMOUSE_NATS_GATEWAY: name the MQTT listeners of the NATS servers as well: what "
                "the hub says to devices is retained there"
            )
        return cls(tuple(servers), found, user and unquote(user), password and unquote(password))


def _gateways(urls: str) -> Sequence[Endpoint]:
    try:
        return [Endpoint.of(url) for url in filter(None, map(str.strip, urls.split(",")))]
    except SettingsError as error:
        raise SettingsError(
            str(error).replace("DORMOUSE_MQTT_URL", "DORMOUSE_NATS_GATEWAY")
        ) from None


def refuse_unfit_cluster(settings: Settings) -> None:
    """Raises SettingsError where what is said of a NATS cluster does not hold together."""
    if not settings.nats_url:
        if settings.nats_gateway:
            raise SettingsError("DORMOUSE_NATS_GATEWAY is of a cluster: name DORMOUSE_NATS_URL too")
        return
    if settings.mqtt_url:
        raise SettingsError(
            "DORMOUSE_MQTT_URL and DORMOUSE_NATS_URL: messages come from brokers or from a NATS "
            "cluster; its MQTT gateways are DORMOUSE_NATS_GATEWAY"
        )
    NatsCluster.of(settings.nats_url, settings.nats_gateway)
    client_library()
