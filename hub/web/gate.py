"""What every request and websocket passes first: whose it can be, how big it may be, headers."""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.language.words import _, preferred, speak
from hub.web.plain import problem

__all__ = ["RequestGate", "host_is_ours", "limit_of"]

NONCE = "dormouse.nonce"
"""Where a request's scope holds the nonce that its inline scripts carry."""

_ANSWERED = "dormouse.answered"

_SAFE = {"GET", "HEAD", "OPTIONS"}

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")

# Names that cannot be registered by a stranger, who could then point them at this hub and have a
# visitor's browser talk to it (DNS rebinding).
_LOCAL = (".local", ".lan", ".home", ".internal", ".home.arpa", ".localdomain", ".localhost",
          ".fritz.box")  # fmt: skip

# Bytes of a request's body. Firmware is held in memory; history is read as it comes.
_LIMIT, _LIMIT_UPLOAD, _LIMIT_HISTORY = 256 * 1024, 4 * 1024 * 1024, 64 * 1024**3
_UPLOADS = ("/_nicegui/client/", "/api/firmware", "/api/hooks/runs/", "/hook/")
_HISTORY = "/api/imports"
_HOOK = "/hook/"

_DIRECTIVES = [
    "default-src 'none'",
    # Vue compiles templates in the browser, which is what 'unsafe-eval' allows; no inline script
    # runs that does not carry this response's nonce.
    "script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self' {sockets}",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
]
_POLICY = "; ".join(_DIRECTIVES)

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


class RequestGate:
    """Refuses what comes from other sites, for other names, or too big; adds headers to answers."""

    def __init__(self, app: ASGIApp, names: Iterable[str] = ()) -> None:
        self._app = app
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or websocket."""
        if scope["type"] not in {"http", "websocket"}:
            return
        headers = Headers(scope=scope)
        speak(preferred(headers.get("accept-language", "")))
        scope[NONCE] = secrets.token_urlsafe(16)
        refused = self._refusal(scope, headers)
        if scope["type"] == "websocket":
            if refused:
                # Before it is accepted, this is answered with 403.
                await send({"type": "websocket.close", "code": 1008, "reason": refused[1][:120]})
                return
            await self._app(scope, receive, send)
            return
        wrapped = _with_headers(scope, headers, send)
        if refused:
            status, reason, advice = refused
            await problem(scope, status, reason, advice)(scope, receive, wrapped)
            return
        try:
            await self._app(scope, _Limited(scope, receive), wrapped)
        except Exception:
            # What was answered (and logged: errors.py) is raised once more by Starlette; the
            # connection is as good as before. What broke off half-way must end it.
            if not scope.get(_ANSWERED):
                raise

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str, str] | None:
        path: str = scope["path"]
        if path == "/healthz" or path.startswith("/mqtt/"):
            return None  # asked by machines under whatever name; /mqtt has a secret of its own
        host = headers.get("host", "")
        if path.startswith(_HOOK):
            # Called by repositories' hosts under whatever name; what they send is signed.
            return self._too_large(path, headers)
        if not host_is_ours(host, self._names):
            return (
                421,
                _("This hub does not answer to the name {name}.", name=repr(host[:100])),
                _(
                    "Open it by its address or its .local name, or add the name to "
                    "DORMOUSE_WEB_NAMES."
                ),
            )
        if not _same_site(scope, headers, host):
            return (
                403,
                _("This request came from a page of another site."),
                _("Open the dashboard itself and do it there."),
            )
        return self._too_large(path, headers)

    @staticmethod
    def _too_large(path: str, headers: Headers) -> tuple[int, str, str] | None:
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit_of(path):
            return (
                413,
                _("More than {kib} KiB were sent.", kib=limit_of(path) // 1024),
                _("Send less."),
            )
        return None


def limit_of(path: str) -> int:
    """Bytes that a request's body may have."""
    if path == _HISTORY:
        return _LIMIT_HISTORY
    return _LIMIT_UPLOAD if path.startswith(_UPLOADS) else _LIMIT


def host_is_ours(host: str, names: Iterable[str] = ()) -> bool:
    """Whether a Host header is an address or a name that no stranger can own."""
    if not _HOST.fullmatch(host):
        return False
    name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        own = socket.gethostname().lower()
        return "." not in name or name.endswith(_LOCAL) or name == own or name in names
    return True


def _same_site(scope: Scope, headers: Headers, host: str) -> bool:
    """Whether no other site's page asks this.

    Browsers say where a request comes from: by Origin with all that changes something and with
    websockets, by Sec-Fetch-Site with everything where the connection is secure.
    """
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return False
    site = headers.get("sec-fetch-site", "none" if origin is None else "same-origin")
    safe = scope["type"] == "http" and scope["method"] in _SAFE
    if site not in {"none", "same-origin"}:
        # Another site may link here, and no more.
        return safe and headers.get("sec-fetch-mode") == "navigate"
    # What changes something with a cookie must say where it comes from; programs bring tokens.
    says_where = origin is not None or "sec-fetch-site" in headers
    return safe or says_where or "cookie" not in headers


def _with_headers(scope: Scope, headers: Headers, send: Send) -> Send:
    host = headers.get("host", "")
    policy = _POLICY.format(
        nonce=scope[NONCE],
        # 'self' covers websockets in today's browsers, but not in those of 2021.
        sockets=f"ws://{host} wss://{host}" if _HOST.fullmatch(host) else "",
    )

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer = MutableHeaders(scope=message)
            answer.setdefault("Content-Security-Policy", policy)
            for name, value in _HEADERS.items():
                answer.setdefault(name, value)
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            scope[_ANSWERED] = True
        await send(message)

    return sending


class _Limited:
    """receive() of a request whose body is cut off, as if its sender had gone, when too big."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._left = limit_of(scope["path"])

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                return {"type": "http.disconnect"}
        return message
