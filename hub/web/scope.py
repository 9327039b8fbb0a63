"""Where a connection's scope holds the Site that it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = ["SITE", "site_of"]

SITE = "dormouse.site"


def site_of(connection: HTTPConnection) -> Site:
    """The public application that a request or websocket came to."""
    site: Site = connection.scope[SITE]
    return site
