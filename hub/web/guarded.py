"""uvicorn's HTTP protocol for a port that strangers reach: limits, time-outs, bounded headers."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hub.runtime.connections import Connections, OpenConnection

__all__ = ["guarded"]

# s: a request's head, from the connection or its first byte; a phone's on a bad line takes 2.
HEAD_S = 10.0
# s: for each `PIECE` bytes of a request's body, and between two pieces that the other side takes of
# an answer.
STALL_S = 30.0
# A phone at the edge of its network sends that in 15 s; a byte now and then is no upload.
PIECE = 16384
# Bytes of a request's head; a browser's cookies and headers are 2 KB.
_LONGEST_HEAD = 65536


def guarded(connections: Connections) -> type[HttpToolsProtocol]:
    """A protocol class for uvicorn whose connections count among `connections`."""

    class Guarded(_Guarded):
        limits = connections

    return Guarded


class _Guarded(HttpToolsProtocol):
    """One connection: it waits while no whole request is being answered."""

    limits: Connections

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._counted: OpenConnection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._head: int | None = 0  # bytes of the head so far; None once it is complete
        self._piece = 0  # bytes of the body since there was time for some last
        self._whole = True  # whether all of the request has come

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Count it, or close it where there is no room."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        self._counted = self.limits.admit(address, transport.abort)
        if self._counted is None:
            transport.abort()
        else:
            self._close_in(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed, by whomever."""
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request."""
        if self._counted is None or self.transport.is_closing():
            return
        if self._head == 0:
            self._close_in(HEAD_S)
        elif self._head is None and not self._whole:
            self._piece += len(data)
            if self._piece >= PIECE:
                self._piece = 0
                self._close_in(STALL_S)
        if self._head is not None:
            self._head += len(data)
        super().data_received(data)
        if self._head is not None and self._head > _LONGEST_HEAD:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Its head is there; a body may follow."""
        self._head, self._whole, self._piece = None, False, 0
        self._close_in(STALL_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is there; it may have been refused before."""
        self._whole = True
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete:
            self._wait_for_next()
        elif self._counted is not None:
            self._stop_timer()
            self._counted.busy()

    def on_response_complete(self) -> None:
        """It is answered."""
        super().on_response_complete()
        if self._whole and not self.pipeline:
            self._wait_for_next()

    def _wait_for_next(self) -> None:
        self._head = 0
        if not self.flow.write_paused:
            self._close_in(self.timeout_keep_alive)
        if self._counted is not None:
            self._counted.waiting()

    def pause_writing(self) -> None:
        """The other side does not take the answer."""
        super().pause_writing()
        self._close_unless_taken()

    def resume_writing(self) -> None:
        """It takes it again."""
        super().resume_writing()
        self._stop_timer()

    def handle_websocket_upgrade(self) -> None:
        """From here on the connection is the websocket's, which lasts as long as its page."""
        self._stop_timer()
        if self._counted is not None:
            self._counted.busy()
        super().handle_websocket_upgrade()
        protocol: Any = self.transport.get_protocol()
        lost = protocol.connection_lost

        def connection_lost(exc: Exception | None) -> None:
            self._forget()
            lost(exc)

        protocol.connection_lost = connection_lost

    def _close_in(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._late, seconds)

    def _late(self, seconds: float) -> None:
        if self.flow.read_paused:
            self._close_in(seconds)  # it is we who do not read
        else:
            self.transport.abort()

    def _close_unless_taken(self, left: int | None = None) -> None:
        now = self.transport.get_write_buffer_size()
        if left is not None and now >= left:
            self.transport.abort()
            return
        self._stop_timer()
        self._timer = self.loop.call_later(STALL_S, self._close_unless_taken, now)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget(self) -> None:
        self._stop_timer()
        if self._counted is not None:
            self._counted.ended()
