"""paho driven by the asyncio loop: it reads and writes when the socket can, without a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho

from hub.mqtt.buffered import Buffered

__all__ = ["ChildDriver"]


class ChildDriver:
    """Moves clients' bytes on the running loop; made on it."""

    # Messages handled in one turn of the loop: some ms.
    AT_ONCE = 100

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def drive(self, client: paho.Client) -> None:
        """Read and write for a client from the moment it opens its socket."""
        client.on_socket_open = lambda _c, _u, sock: self.on_loop(self._watch, client, sock)
        client.on_socket_close = lambda _c, _u, sock: self.on_loop(self._unwatch, sock)
        client.on_socket_register_write = lambda _c, _u, sock: self.on_loop(
            self._loop.call_soon, self._write, client, sock
        )

    def release(self, client: paho.Client) -> None:
        """Close a client's socket without its saying goodbye (its will and session stay).

        The client keeps the closed socket and closes it once more when it is collected, which may
        be after the loop has ended: it calls nothing of ours any longer.
        """
        client.on_disconnect = None
        client.on_socket_open = client.on_socket_close = client.on_socket_register_write = None
        sock: object = client.socket()
        if isinstance(sock, Buffered):
            self._unwatch(sock)
            sock.close()

    def on_loop(self, call: Callable[..., Any], *args: Any) -> None:
        """Because connect() blocks it runs on a helper thread, and so do its callbacks."""
        if threading.get_ident() == self._thread:
            call(*args)
        else:
            self._loop.call_soon_threadsafe(call, *args)

    def _watch(self, client: paho.Client, sock: Buffered) -> None:
        self._loop.add_reader(sock, self._read, client, sock)

    def _unwatch(self, sock: Buffered) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)

    def _read(self, client: paho.Client, sock: Buffered) -> None:
        """Take what is there, but let others have their turn."""
        client.loop_read()
        for _ in range(self.AT_ONCE):
            if not sock.waits or client.socket() is None:
                return
            client.loop_read()
        self._loop.call_soon(self._read, client, sock)

    def _write(self, client: paho.Client, sock: Buffered) -> None:
        """What paho has to say since the last turn of the loop, in one write."""
        client.loop_write()
        if sock.fileno() >= 0:
            self._flush(sock)

    def _flush(self, sock: Buffered) -> None:
        try:
            done = sock.flush()
        except OSError:
            return  # the reader will hear of it
        if done:
            self._loop.remove_writer(sock)
        else:
            self._loop.add_writer(sock, self._flush, sock)
