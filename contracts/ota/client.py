"""Streams an update to a device: the session, the clock and a UDP endpoint put together.

No socket is opened here: callers hand over what opens one, `loop.create_datagram_endpoint`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from contracts.ota.errors import AmbiguousDeviceError, NoAnswerError
from contracts.ota.protocol import PORT, SignedStream
from contracts.ota.session import Ending, Session, SessionOptions, SessionPhase, SessionProgress

__all__ = ["BROADCAST", "OpenEndpoint", "Result", "find", "send"]

OpenEndpoint: TypeAlias = Callable[..., Awaitable[tuple[Any, Any]]]
"""What opens a UDP socket: asyncio's `loop.create_datagram_endpoint`."""

BROADCAST = "255.255.255.255"
_SECOND_ANSWER = 0.3  # seconds in which another device's answer to the same broadcast arrives
_PROGRESS_EVERY = 0.1


@dataclass(frozen=True, slots=True)
class Result:
    """An update that went through: where, how far that is known, and what it took.

    `seconds` from the first answer to the last byte confirmed; `restarts`: how often the device
    began anew.
    """

    address: str
    ending: Ending
    size: int
    seconds: float
    resent: int
    restarts: int


async def send(
    stream: SignedStream,
    address: str | None = None,
    *,
    open_endpoint: OpenEndpoint,
    port: int = PORT,
    options: SessionOptions | None = None,
    progress: Callable[[SessionProgress], None] | None = None,
    broadcast: str = BROADCAST,
) -> Result:
    """Send a signed update and return when the device has taken all of it.

    Without an address the first datagram is broadcast until a device answers. `progress` is called
    about ten times a second and at every change of phase. Cancelling it ends the sending at once.
    Raises NoAnswerError, NonsenseError, LostError, RefusedError or AmbiguousDeviceError.
    """
    loop = asyncio.get_running_loop()
    session = Session(stream, options or SessionOptions(), loop.time())
    show = _Shown(session, progress)
    if address is None:
        address = await _discover(session, (broadcast, port), show, None, open_endpoint)
    async with contextlib.AsyncExitStack() as stack:
        inbox = await _connect(open_endpoint, address, port)
        stack.callback(inbox.close)
        while not session.finished:
            inbox.send(session.due(loop.time()))
            show(loop.time())
            for event in await inbox.wait(session.wake_at):
                if event.raw is None:
                    session.refused(loop.time())
                else:
                    session.receive(event.raw, loop.time())
        show(loop.time())
    return Result(
        address,
        cast("Ending", session.ending),
        stream.size,
        session.progress(loop.time()).seconds,
        session.resent,
        session.restarts,
    )


async def find(
    stream: SignedStream,
    *,
    wait: float,
    open_endpoint: OpenEndpoint,
    port: int = PORT,
    broadcast: str = BROADCAST,
    expected: Callable[[str], bool] | None = None,
) -> str:
    """The address of the device that answers the first datagram, broadcast for `wait` seconds.

    It is safe to `send` to it then: a server repeats its answer. Addresses that `expected` denies
    are ignored. Raises NoAnswerError, NonsenseError or AmbiguousDeviceError.
    """
    session = Session(stream, SessionOptions(wait=wait), asyncio.get_running_loop().time())
    return await _discover(
        session, (broadcast, port), _Shown(session, None), expected, open_endpoint
    )


async def _discover(
    session: Session,
    broadcast: tuple[str, int],
    show: _Shown,
    expected: Callable[[str], bool] | None,
    open_endpoint: OpenEndpoint,
) -> str:
    """Broadcast the first datagram until a device answers; its address."""
    loop = asyncio.get_running_loop()
    inbox = await _open(open_endpoint, None)
    try:
        answered: dict[str, None] = {}
        until = float("inf")
        while loop.time() < until:
            if session.phase is SessionPhase.WAITING:
                inbox.send(session.due(loop.time()), broadcast)
            show(loop.time())
            for event in await inbox.wait(session.wake_at if not answered else until):
                if event.raw is None or (expected and not expected(event.address)):
                    continue
                waiting = session.phase is SessionPhase.WAITING
                session.receive(event.raw, loop.time())
                if session.phase is not SessionPhase.WAITING:
                    answered[event.address] = None
                    if waiting:
                        until = loop.time() + _SECOND_ANSWER
    finally:
        inbox.close()
    if len(answered) > 1:
        raise AmbiguousDeviceError(
            f"{len(answered)} devices wait for an update: {', '.join(answered)}; name one"
        )
    return next(iter(answered))


class _Shown:
    """Tells the caller how far it is, not too often."""

    def __init__(
        self, session: Session, progress: Callable[[SessionProgress], None] | None
    ) -> None:
        self._session = session
        self._progress = progress
        self._phase: SessionPhase | None = None
        self._next = 0.0

    def __call__(self, now: float) -> None:
        if self._progress and (now >= self._next or self._session.phase is not self._phase):
            self._phase = self._session.phase
            self._next = now + _PROGRESS_EVERY
            self._progress(self._session.progress(now))


@dataclass(frozen=True, slots=True)
class _Event:
    """A datagram that came, or (raw None) word that nobody listens there."""

    raw: bytes | None
    address: str


class _Inbox(asyncio.DatagramProtocol):
    """A UDP socket with a queue behind it."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[_Event] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        self._events.put_nowait(_Event(data, str(addr[0])))

    def error_received(self, exc: Exception) -> None:
        # Other errors (no route, interface down) are silences: the next datagram may get through.
        if isinstance(exc, ConnectionRefusedError):
            self._events.put_nowait(_Event(None, ""))

    def send(self, datagrams: list[bytes], address: tuple[str, int] | None = None) -> None:
        for raw in datagrams:
            if self._transport:
                self._transport.sendto(raw, address)

    async def wait(self, until: float) -> list[_Event]:
        """Everything that came, as soon as something did; nothing at the time `until`."""
        events: list[_Event] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                events.append(await self._events.get())
        while not self._events.empty():
            events.append(self._events.get_nowait())
        return events

    def close(self) -> None:
        if self._transport:
            self._transport.close()


async def _open(open_endpoint: OpenEndpoint, remote: tuple[str, int] | None) -> _Inbox:
    local = None if remote else ("0.0.0.0", 0)
    _, inbox = await open_endpoint(
        _Inbox,
        local_addr=local,
        remote_addr=remote,
        family=socket.AF_INET,
        allow_broadcast=remote is None,
    )
    return cast("_Inbox", inbox)


async def _connect(open_endpoint: OpenEndpoint, address: str, port: int) -> _Inbox:
    try:
        return await _open(open_endpoint, (address, port))
    except OSError as error:
        raise NoAnswerError(f"{address}: {error.strerror or error}") from None
