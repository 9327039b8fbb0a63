"""Serving an ASGI application from the hub's own loop: on a TCP port or on a private socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any, Self

import uvicorn
from uvicorn.server import ServerState

from hub.errors import HubError
from hub.folder import UnusableFileError
from hub.runtime.connections import Connections
from hub.runtime.listening import bound
from hub.runtime.supervisor import PartRole, Supervisor
from hub.web.guarded import guarded
from hub.web.proxied import proxied

__all__ = ["HttpPortTakenError", "HttpServer", "private_socket", "tcp_socket"]


_ENDING_S = 10.0  # connections are given a second; a busy machine takes longer
# Connections that one turn of the loop accepts: each takes a descriptor before it can be counted.
_ACCEPTED_AT_ONCE = 32
# What the system holds for us between two turns.
_QUEUE = 1024


class HttpPortTakenError(HubError):
    """A port is taken."""

    def __init__(self, setting: str, host: str, port: int, reason: str) -> None:
        self.setting, self.host, self.port = setting, host, port
        super().__init__(
            f"{setting}={port}: cannot listen on {host}:{port} ({reason}); "
            "end what uses it, or choose another port (0 picks a free one)"
        )


def tcp_socket(setting: str, host: str, port: int) -> socket.socket:
    """A socket to listen on (see `bound`); port 0 picks a free one.

    Raises HttpPortTakenError naming the setting.
    """
    try:
        return bound(host, port)
    except OSError as error:  # taken, not allowed, or a machine without IPv6
        raise HttpPortTakenError(setting, host, port, error.strerror or str(error)) from None


def private_socket(path: Path) -> socket.socket:
    """A listening unix socket that only its owner may open (mode 0600), whatever stood there.

    Raises HubError where the path is too long for a socket (107 bytes on Linux).
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UnusableFileError(path, error) from None
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    except OSError as error:
        listening.close()
        raise HubError(f"{path}: cannot make the private socket ({error})") from None
    finally:
        os.umask(before)
    return listening


class _ServerState(ServerState):
    """The state of a server whose answers are dated when they are made."""

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of every answer."""
        return [(b"date", formatdate(usegmt=True).encode()), (b"server", b"uvicorn")]

    @default_headers.setter
    def default_headers(self, _: list[tuple[bytes, bytes]]) -> None:
        """What the server thinks at its start."""


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the hub ends it.

    And without its loop that looks ten times a second whether it should end, and what the time is:
    a hub has two of them, and they were half of what it takes while nothing happens.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state = _ServerState()
        self._ending = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        """Return when it is to end."""
        await self._ending.wait()

    def close_listening(self) -> None:
        """Take no more connections."""
        for server in getattr(self, "servers", ()):
            server.close()

    def end(self) -> None:
        """Let it end."""
        self.should_exit = True
        self._ending.set()


class HttpServer:
    """One ASGI application on one listening socket, from `start` to `stop`.

    `connections` bounds them and ends those that say nothing; None for a socket of friends.
    `proxies`: networks of reverse proxies that say who asks (hub/web/proxied.py).
    """

    def __init__(
        self,
        app: Any,
        listening: socket.socket,
        supervisor: Supervisor | None = None,
        connections: Connections | None = None,
        proxies: str = "",
    ) -> None:
        self._app = proxied(app, proxies)
        self._connections = connections
        self._socket = listening
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.WEB)
        self._server = self._make()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Returns when it serves."""
        loop = self._tasks.loop("serving HTTP", self._serve)
        while not self._server.started and self._tasks and loop.running:  # noqa: ASYNC110  # uvicorn offers no event
            await asyncio.sleep(0.005)
        self._socket.listen(_QUEUE)

    def refuse(self) -> None:
        """Accept nobody any more: who comes back now is to find the next hub, not this one."""
        self._server.close_listening()
        with contextlib.suppress(OSError):  # it did not listen yet
            # Closing would leave what was accepted for us by the system waiting for an answer.
            self._socket.shutdown(socket.SHUT_RDWR)

    async def stop(self) -> None:
        """End what is going on, within a second, and close the socket."""
        self._server.end()
        await self._tasks.ended(_ENDING_S)
        await self._tasks.stop()
        self._socket.close()

    async def _serve(self) -> None:
        self._server = self._make()
        # It closes what it is given at its end.
        await self._server.serve(sockets=[self._socket.dup()])

    def _make(self) -> _Server:
        config = uvicorn.Config(
            self._app,
            # "auto" takes the same one. What strangers send is not worth a line each.
            http="auto" if self._connections is None else guarded(self._connections),
            log_level="error",
            backlog=_ACCEPTED_AT_ONCE,
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        return _Server(config)
