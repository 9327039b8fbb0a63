"""NiceGUI in the hub's process: loaded when the first page is asked for, open to sessions only."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api.principal import (
    AmbiguousTenantError,
    ForeignTenantError,
    Principal,
    authenticate,
    refusal,
)
from hub.database.errors import DatabaseAwayError
from hub.language.words import _
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.ticks import tick
from hub.web.gate import NONCE
from hub.web.plain import problem

__all__ = ["Dashboard"]

log = logging.getLogger(__name__)

BEAT_S = 3.0
"""How often an open page is told that the hub is there; it worries after 10 s (static/frame.js)."""

# How often the sessions of open pages are looked at: one that expires closes its pages.
_CHECK_S = 60.0


class Dashboard:
    """An ASGI application: everything that NiceGUI serves, for who is logged in.

    Loading takes 24 MB and a second; a hub whose pages nobody opens is spared both. `mount` adds
    the pages to NiceGUI; `expired` says which of these sessions are over.
    """

    def __init__(
        self,
        mount: Callable[[], None],
        *,
        expired: Callable[[set[int]], Awaitable[set[int]]],
        supervisor: Supervisor,
    ) -> None:
        self._mount, self._expired = mount, expired
        self._app: ASGIApp | None = None
        self._loading = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._tasks = supervisor.tasks(PartRole.WEB)
        self._warming = False
        self._sockets: dict[int, set[asyncio.Event]] = {}
        self._opened = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or websocket of somebody logged in; others are refused or sent to log in."""
        connection = HTTPConnection(scope)
        try:
            principal = await authenticate(connection)
        except (ForeignTenantError, AmbiguousTenantError) as error:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                await problem(scope, error.http_status, f"{error}.")(scope, receive, send)
            return
        if scope["type"] == "websocket":
            app = await self.load()
            if principal is None or not _may_open(principal, scope):
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._serve_socket(app, principal.session, scope, receive, send)
        elif principal is None:
            refused = refusal(connection)
            if refused.status_code == 303 and _is_document(connection):
                location = (refused.headers or {})["Location"]
                await RedirectResponse(location, 303)(scope, receive, send)
            else:
                await problem(scope, 401, _("You are not logged in."))(scope, receive, send)
        elif scope["path"].startswith("/_nicegui_ws/"):
            # Long polling: nothing would bind it to the session, and every browser has websockets.
            await problem(scope, 404, _("Open pages use a websocket."))(scope, receive, send)
        else:
            app = await self.load()
            await app(scope, receive, _with_nonce(scope, send))

    async def load(self) -> ASGIApp:
        """NiceGUI with all pages."""
        async with self._loading:
            if self._app is None:
                # Import off the loop: devices are heard meanwhile.
                await asyncio.to_thread(_import)
                self._app = await self._start()
        return self._app

    def warm(self) -> None:
        """Begin to load: somebody is about to log in."""
        if self._app is None and not self._warming:
            self._warming = True
            self._tasks.spawn("loading the dashboard", self._warm())

    async def _warm(self) -> None:
        try:
            await self.load()
        finally:
            self._warming = False  # where it failed, the next page tries again

    async def close(self) -> None:
        """End NiceGUI."""
        async with self._loading:  # what is half loaded cannot be ended
            await self._tasks.stop()
        await self._stack.aclose()

    def end_all(self) -> None:
        """Close every open page's connection; they look for the hub until it is back."""
        for events in self._sockets.values():
            for ended in events:
                ended.set()

    def end(self, sessions: set[int]) -> None:
        """Close the open pages of these sessions."""
        for session in sessions:
            for ended in self._sockets.get(session, ()):
                ended.set()
        if self._app is not None:
            from hub.web import clients  # noqa: PLC0415  # see load()

            clients.delete(sessions)

    async def _start(self) -> ASGIApp:
        from nicegui import core, ui  # noqa: PLC0415  # see load()

        from hub.web import clients, errors  # noqa: PLC0415

        outer = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        self._mount()
        core.app.config.socket_io_js_transports = ["websocket"]
        # Nothing here is loaded that way, and its bar has no name for who listens to the page.
        core.app.config.quasar_config["loadingBar"] = {"skipHijack": True}
        ui.run_with(
            outer,
            title="Dormouse",
            dark=None,
            language="en-US",
            tailwind=False,  # static/utilities.css
            # Values are pushed; nothing is bound to what changes by itself.
            binding_refresh_interval=None,
            reconnect_timeout=10.0,
            message_history_length=200,
            gzip_middleware_factory=None,  # the site's own does it, after the nonce
            show_welcome_message=False,
        )
        errors.install(core.app)
        clients.bind_events()
        await self._stack.enter_async_context(outer.router.lifespan_context(outer))
        self._tasks.loop("telling open pages that the hub is there", self._beat)
        return outer

    async def _serve_socket(
        self, app: ASGIApp, session: int, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve a websocket until it closes or its session ends."""
        ended = asyncio.Event()
        self._sockets.setdefault(session, set()).add(ended)
        self._opened.set()
        serving = asyncio.ensure_future(app(scope, receive, send))
        waiting = asyncio.ensure_future(ended.wait())
        try:
            await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                # What it waits for may be gone by now.
                with contextlib.suppress(OSError, RuntimeError):
                    await send({"type": "websocket.close", "code": 4401, "reason": "logged out"})
        finally:
            self._sockets[session].discard(ended)
            if not self._sockets[session]:
                del self._sockets[session]
            waiting.cancel()
            serving.cancel()
            await asyncio.gather(serving, waiting, return_exceptions=True)

    async def _beat(self) -> None:
        """Tell open pages that the hub is there; close those whose session is over."""
        from hub.web import clients  # noqa: PLC0415  # see load()

        loop = asyncio.get_running_loop()
        checked = loop.time()
        while True:
            await self._opened.wait()
            await tick(BEAT_S)
            if not self._sockets:
                self._opened.clear()
                continue
            clients.beat()
            if loop.time() - checked > _CHECK_S:
                checked = loop.time()
                await self._check()

    async def _check(self) -> None:
        try:
            self.end(await self._expired(set(self._sockets)))
        except DatabaseAwayError as error:
            log.warning("open pages' sessions are looked at in a minute: %s", error.reason)


def _import() -> None:
    # Nothing of ours is kept in NiceGUI's storage; without this it names a folder where the hub
    # happens to have been started.
    os.environ.setdefault("NICEGUI_STORAGE_PATH", os.devnull + "/nicegui")
    import nicegui.ui  # noqa: F401, PLC0415  # its place in memory is what this is for

    import hub.web.frame  # noqa: F401, PLC0415


def _may_open(principal: Principal, scope: Scope) -> bool:
    from hub.web import clients  # noqa: PLC0415  # see load()

    return clients.may_open(principal.session, scope)


def _is_document(connection: HTTPConnection) -> bool:
    return "text/html" in connection.headers.get("accept", "*/*") or (
        connection.headers.get("accept", "*/*") == "*/*"
    )


def _with_nonce(scope: Scope, send: Send) -> Send:
    """Mark the inline scripts of a NiceGUI page as ours.

    Its data cannot hold a script tag: NiceGUI writes < as an entity there.
    """
    start: list[Message] = []
    parts: list[bytes] = []

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = {name.lower() for name, _ in message["headers"]}
            if b"x-nicegui-content" not in headers:
                await send(message)
                return
            start.append(message)
        elif not start:
            await send(message)
        else:
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                nonce = scope[NONCE].encode()
                body = b"".join(parts).replace(b"<script", b'<script nonce="' + nonce + b'"')
                start[0]["headers"] = [
                    (name, str(len(body)).encode() if name.lower() == b"content-length" else value)
                    for name, value in start[0]["headers"]
                ]
                await send(start[0])
                await send({"type": "http.response.body", "body": body})

    return sending
