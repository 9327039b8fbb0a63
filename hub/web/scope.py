"""Where a connection's scope holds the services that its page works with."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from hub.services import Services

__all__ = ["SERVICES", "services_of"]

SERVICES = "dormouse.services"


def services_of(connection: HTTPConnection) -> Services:
    """The services of the hub that a request or websocket came to."""
    services: Services = connection.scope[SERVICES]
    return services
