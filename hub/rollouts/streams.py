"""Streams images to devices in OTA mode: a few at a time, and never one to the wrong device."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from contracts.errors import ContractError
from contracts.ota import canned as canned_files
from contracts.ota import client
from contracts.ota.client import Result
from contracts.ota.errors import (
    AmbiguousDeviceError,
    LostError,
    NoAnswerError,
    NonsenseError,
    RefusedError,
)
from contracts.ota.protocol import SignedStream
from contracts.ota.session import Ending, SessionOptions, SessionPhase, SessionProgress
from hub.errors import HubError
from hub.rollouts.neighbours import could_be
from hub.settings import Settings

__all__ = [
    "NoFreeStreamError",
    "Sent",
    "StreamAmbiguousError",
    "StreamError",
    "StreamLostError",
    "StreamNonsenseError",
    "StreamProgress",
    "StreamRefusedError",
    "StreamTimes",
    "StreamUnansweredError",
    "Streams",
]


class StreamError(HubError):
    """The image was not streamed; `reason` is one line without the device's name.

    `stranded`: the device waits in its OTA server and has no application to go back to.
    """

    stranded = False

    def __init__(self, device: str, reason: str) -> None:
        self.device, self.reason = device, reason
        super().__init__(f"{device}: {reason}")


class StreamUnansweredError(StreamError):
    """Nobody answered at the device's address, nor anywhere else."""


class StreamLostError(StreamError):
    """The device went silent half-way."""

    stranded = True


class StreamRefusedError(StreamError):
    """The device took every byte and came back asking for an update."""

    stranded = True


class StreamNonsenseError(StreamError):
    """What answers there is no OTA server."""


class StreamAmbiguousError(StreamError):
    """More than one device answered the broadcast."""


class NoFreeStreamError(StreamError):
    """As many streams as allowed are under way, or one to this device."""


_Tell: TypeAlias = Callable[[str | None, SessionProgress], None]

_PAUSE = 0.1  # s, between attempts: an address that cannot be reached fails at once

_LEAVES: dict[type[ContractError], type[StreamError]] = {
    NoAnswerError: StreamUnansweredError,
    LostError: StreamLostError,
    RefusedError: StreamRefusedError,
    NonsenseError: StreamNonsenseError,
    AmbiguousDeviceError: StreamAmbiguousError,
}


@dataclass(frozen=True, slots=True)
class StreamTimes:
    """How long to wait for what, in seconds.

    `wait`: from the start to a first answer; a server waits a minute for its first datagram,
    and the device has to restart and join its network before. `direct`: how long its address is
    tried before a broadcast, `broadcast`: how long that is made, in turn. `patience`: silence
    half-way until it counts as lost; a server starts over after ten. `confirm`: how long to
    watch after the end whether it comes back unhappy.
    """

    wait: float = 75.0
    direct: float = 10.0
    broadcast: float = 5.0
    patience: float = 45.0
    confirm: float = 3.0


@dataclass(frozen=True, slots=True)
class StreamProgress:
    """How far a stream is; bytes, bytes a second, seconds. `address` is None during a broadcast.

    `restarts`: how often the device began anew.
    """

    device: str
    phase: SessionPhase
    address: str | None
    done: int
    total: int
    rate: float
    seconds_left: float | None
    restarts: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A stream that went through. Which version runs, only the device's next report says."""

    device: str
    address: str
    ending: Ending
    size: int
    seconds: float
    resent: int
    restarts: int


class Streams:
    """Sends images to devices that were told to go to their OTA servers, `limit` at a time.

    `port` is where the servers listen, `broadcast` where to look for one whose address has changed
    (empty: nowhere).

    Whoever waits in an OTA server takes the first image that is offered, if only the key is
    right. So a broadcast is made only while nobody else can be in one: every device that was
    told to go, or that a failed stream left there, is `in_ota_server` until it was seen to
    leave or `seen_running` says that its application was heard. It is broken off as soon as
    another stream begins. Besides, where this machine knows the hardware address of the device
    that answers, it must be the right one; and when two answer, neither gets anything. What
    remains is a device that a person put in OTA mode by hand, unknown to this machine, while
    the one that is looked for is not there.
    """

    def __init__(
        self,
        limit: int,
        *,
        port: int,
        broadcast: str,
        times: StreamTimes | None = None,
        in_ota_server: Iterable[str] = (),
    ) -> None:
        self.limit = limit
        self._port = port
        self._broadcast = broadcast
        self._times = times or StreamTimes()
        self._in_ota_server = set(in_ota_server)
        self._running: dict[str, StreamProgress] = {}
        self._looking: asyncio.Task[str] | None = None

    @classmethod
    def of(cls, settings: Settings) -> Streams:
        """As the hub's settings have it."""
        return cls(
            settings.ota_streams,
            port=settings.ota_port,
            broadcast=settings.ota_broadcast,
            times=StreamTimes(wait=settings.ota_wait),
        )

    @property
    def free(self) -> int:
        """How many more streams may begin now."""
        return max(0, self.limit - len(self._running))

    @property
    def running(self) -> list[StreamProgress]:
        """How far each stream is that is under way, by device."""
        return [self._running[device] for device in sorted(self._running)]

    @property
    def in_ota_server(self) -> frozenset[str]:
        """The devices that may be in an OTA server now."""
        return frozenset(self._in_ota_server)

    def assume_in_ota_server(self, *devices: str) -> None:
        """These may be in an OTA server: told to go before the hub was restarted, for instance."""
        self._in_ota_server.update(devices)

    def seen_running(self, *devices: str) -> None:
        """The applications of these were heard: they are in no OTA server."""
        self._in_ota_server.difference_update(devices)

    async def send(
        self,
        device: str,
        address: str | None,
        canned: bytes,
        progress: Callable[[StreamProgress], None],
    ) -> Sent:
        """Stream a canned file to a device and return when it has taken all of it.

        Begin it when the device is told to go: it is waited for. `address` is the one that it
        reported. `progress` is called about ten times a second while bytes flow. It may be repeated
        after any error, to a device that sits in its OTA server with half an application too.
        Raises StreamError leaves; cancelling it ends it at once.
        """
        if device in self._running:
            raise NoFreeStreamError(device, "a stream to this device is under way already")
        if not self.free:
            raise NoFreeStreamError(device, f"{self.limit} streams are under way already")
        try:
            stream = canned_files.parse(canned)
        except ContractError as error:
            raise StreamError(device, str(error)) from None
        if self._looking is not None:
            self._looking.cancel()  # two devices could answer it from now on
        self._in_ota_server.add(device)
        tell = partial(self._tell, device, progress)
        tell(address, SessionProgress(SessionPhase.WAITING, 0, stream.size, 0, 0, None, 0, 0))
        try:
            result = await self._send(device, address, stream, tell)
        except ContractError as error:
            leaf = _LEAVES.get(type(error), StreamError)
            raise leaf(device, str(error)) from None
        finally:
            del self._running[device]
        if result.ending is Ending.LEFT:
            self._in_ota_server.discard(device)
        return Sent(
            device,
            result.address,
            result.ending,
            result.size,
            result.seconds,
            result.resent,
            result.restarts,
        )

    async def _send(
        self, device: str, address: str | None, stream: SignedStream, tell: _Tell
    ) -> Result:
        """Try the device's address and a broadcast in turn until one of them answers."""
        loop, times = asyncio.get_running_loop(), self._times
        until = loop.time() + times.wait
        why = ""
        while (left := until - loop.time()) > 0:
            if address is not None:
                try:
                    return await self._stream(address, stream, min(times.direct, left), tell)
                except NoAnswerError as error:
                    why = str(error).partition(": ")[2]
            found = await self._look(device, stream, tell)
            if found is not None:
                return await self._stream(found, stream, times.direct, tell)
        where = f"at {address}" if address else "to a broadcast"
        raise NoAnswerError(f"no answer {where} within {times.wait:g} s" + (why and f": {why}"))

    async def _stream(self, address: str, stream: SignedStream, wait: float, tell: _Tell) -> Result:
        times = self._times
        options = SessionOptions(wait=wait, patience=times.patience, confirm=times.confirm)
        return await client.send(
            stream,
            address,
            open_endpoint=asyncio.get_running_loop().create_datagram_endpoint,
            port=self._port,
            options=options,
            progress=partial(tell, address),
        )

    async def _look(self, device: str, stream: SignedStream, tell: _Tell) -> str | None:
        """Where the device answers a broadcast; None when it does not, or others could."""
        if not self._broadcast or self._in_ota_server != {device}:
            await asyncio.sleep(_PAUSE)
            return None
        tell(None, SessionProgress(SessionPhase.WAITING, 0, stream.size, 0, 0, None, 0, 0))
        looking = self._looking = asyncio.create_task(
            client.find(
                stream,
                wait=self._times.broadcast,
                open_endpoint=asyncio.get_running_loop().create_datagram_endpoint,
                port=self._port,
                broadcast=self._broadcast,
                expected=partial(could_be, device),
            )
        )
        try:
            return await looking
        except NoAnswerError:
            return None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return None  # another stream began
        finally:
            self._looking = None

    def _tell(
        self,
        device: str,
        progress: Callable[[StreamProgress], None],
        address: str | None,
        now: SessionProgress,
    ) -> None:
        shown = StreamProgress(
            device,
            now.phase,
            address,
            now.done,
            now.total,
            now.rate,
            now.seconds_left,
            now.restarts,
        )
        self._running[device] = shown
        progress(shown)
