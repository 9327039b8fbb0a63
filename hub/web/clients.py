"""Open pages as NiceGUI has them (its Clients), and whose they are."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from nicegui import Client, core
from starlette.types import Scope

from hub.api.principal import PRINCIPAL

__all__ = ["beat", "bind_events", "delete", "may_open"]

_BEAT = {"code": "window.dormouse?.beat()"}


def may_open(session: int, scope: Scope) -> bool:
    """Whether a websocket is for a page that this session asked for.

    A page that is not there any more (the hub was restarted) is left to NiceGUI, which has the
    browser load it anew.
    """
    client_id = _client_id(scope.get("query_string", b"").decode("latin-1"))
    if session == 0 or client_id is None:
        return False
    client = Client.instances.get(client_id)
    return client is None or _owner(client) == session


def delete(sessions: set[int]) -> None:
    """Forget the pages of these sessions: nothing reaches their handlers any more."""
    for client in list(Client.instances.values()):
        if _owner(client) in sessions:
            client.delete()


def beat() -> None:
    """Tell every open page that the hub is there, by the way that its news take."""
    for client in list(Client.instances.values()):
        if client.has_socket_connection:
            client.outbox.enqueue_message("run_javascript", _BEAT, client.id)


def bind_events() -> None:
    """Let a websocket speak for its own page alone.

    NiceGUI takes the page's id from each message; whoever learnt another's could press its buttons.
    """
    handlers: dict[str, Any] = core.sio.handlers["/"]
    for name in ("event", "javascript_response", "ack", "log"):
        handlers[name] = _bound(handlers[name])


def _bound(handler: Any) -> Any:
    def checked(sid: str, message: dict[str, Any]) -> None:
        environ = core.sio.get_environ(sid) or {}
        own = _client_id(environ.get("QUERY_STRING", ""))
        if own is not None and message.get("client_id") == own:
            handler(sid, message)

    return checked


def _owner(client: Client) -> int:
    principal = client.request.scope.get(PRINCIPAL)
    return principal.session if principal else 0


def _client_id(query: str) -> str | None:
    ids = parse_qs(query).get("client_id", [])
    return ids[0] if len(ids) == 1 else None
