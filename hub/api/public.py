"""What the hub answers without asking who it is."""

from __future__ import annotations

__all__ = ["PUBLIC"]

PUBLIC = {
    "/healthz": "says that the hub is there",
    "/login": "where one becomes somebody",
    "/logout": "changes nothing for nobody",
    "/join/{token}": "the token is the permission",
    "/session": "says whether one is logged in",
    "/static/{name}": "style and script of the log-in page",
    "/favicon.ico": "the same",
    "/api/openapi.json": "what the API can do is no secret; its data is",
    "/hook/{name}": "wants a signature, and tells strangers nothing",
    "/mqtt/auth": "wants a secret of its own",
    "/mqtt/acl": "the same",
}
"""What answers everybody, and why; the doctor and the tests of access hold the hub to it."""
