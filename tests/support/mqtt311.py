"""A bare MQTT 3.1.1 client, as a device speaks it: what the broker answers is seen as it is."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import struct
from dataclasses import dataclass, field
from typing import Self


def _text(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("!H", len(data)) + data


def packet(first: int, body: bytes) -> bytes:
    length, size = bytearray(), len(body)
    while True:
        size, low = divmod(size, 128)
        length.append(low | (0x80 if size else 0))
        if not size:
            return bytes([first]) + bytes(length) + body


def connect_packet(
    client_id: str = "",
    user: str | None = None,
    password: str | None = None,
    *,
    clean: bool = True,
    will: tuple[str, bytes] | None = None,
    keep_alive: int = 30,
) -> bytes:
    flags = 0x02 if clean else 0
    tail = _text(client_id)
    if will is not None:
        flags |= 0x04
        tail += _text(will[0]) + _text(will[1])
    if user is not None:
        flags |= 0x80
        tail += _text(user)
    if password is not None:
        flags |= 0x40
        tail += _text(password)
    return packet(0x10, _text("MQTT") + bytes([4, flags]) + struct.pack("!H", keep_alive) + tail)


def publish_packet(topic: str | bytes, payload: bytes, mid: int = 0, *, retain=False) -> bytes:
    """QoS 1 with a message id, QoS 0 without."""
    body = _text(topic) + (struct.pack("!H", mid) if mid else b"") + payload
    return packet(0x30 | (0x02 if mid else 0) | (0x01 if retain else 0), body)


def subscribe_packet(topic_filter: str, mid: int, qos: int = 1) -> bytes:
    return packet(0x82, struct.pack("!H", mid) + _text(topic_filter) + bytes([qos]))


@dataclass
class Client:
    """One connection; `code` is the CONNACK's return code, `got` what was published to us.

    `heard` is set whenever something was.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    code: int = -1
    got: list[tuple[str, bytes, bool]] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    _answers: dict[tuple[int, int], asyncio.Future[bytes]] = field(default_factory=dict)
    _mids: itertools.count = field(default_factory=lambda: itertools.count(1))
    _task: asyncio.Task | None = None

    @classmethod
    async def connect(
        cls, host: str, port: int, *args, tls=None, local: str | None = None, **options
    ) -> Client:
        """Connect, from the address `local`; a refusal is in `code`, not raised.

        Arguments of connect_packet.
        """
        source = (local, 0) if local else None
        client = cls(*await asyncio.open_connection(host, port, ssl=tls, local_addr=source))
        client.writer.write(connect_packet(*args, **options))
        try:
            _, body = await client._packet()
            client.code = body[1]
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except BaseException:  # given up by whoever called
            client.writer.close()
            raise
        client._task = asyncio.create_task(client._read())
        return client

    @classmethod
    async def let_in(cls, *args, **options) -> Client:
        """Connect as soon as the broker has read of the account, which was made just now.

        It may be starting anew meanwhile.
        """
        async with asyncio.timeout(120):
            while True:
                with contextlib.suppress(ConnectionRefusedError):
                    client = await cls.connect(*args, **options)
                    if client.code == 0:
                        return client
                    await client.close()
                await asyncio.sleep(0.05)

    async def publish(self, topic: str | bytes, payload: bytes | str, *, qos=1, retain=False):
        """Returns at the PUBACK; raises ConnectionError when the broker hangs up instead."""
        data = payload.encode() if isinstance(payload, str) else payload
        if not qos:
            self.writer.write(publish_packet(topic, data, retain=retain))
            return
        mid = next(self._mids)
        answer = self._expect(0x40, mid)
        self.writer.write(publish_packet(topic, data, mid, retain=retain))
        await answer

    async def subscribe(self, topic_filter: str, qos: int = 1) -> int:
        """The granted QoS, 128 when refused."""
        mid = next(self._mids)
        answer = self._expect(0x90, mid)
        self.writer.write(subscribe_packet(topic_filter, mid, qos))
        return (await answer)[2]

    async def ping(self) -> None:
        """Returns when the broker has handled all that was sent before."""
        answer = self._expect(0xD0, 0)
        self.writer.write(packet(0xC0, b""))
        await answer

    def hang(self) -> None:
        """Read no more, as when the network went: the broker does not know yet."""
        if self._task is not None:
            self._task.cancel()
        self.writer.transport.pause_reading()

    async def close(self, *, politely: bool = True) -> None:
        if politely and not self.closed.is_set():
            with contextlib.suppress(ConnectionError):
                self.writer.write(packet(0xE0, b""))
                await self.writer.drain()
        self.writer.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _expect(self, kind: int, mid: int) -> asyncio.Future[bytes]:
        future = asyncio.get_running_loop().create_future()
        if self.closed.is_set():
            future.set_exception(ConnectionError("closed"))
        else:
            self._answers[kind, mid] = future
        return future

    async def _packet(self) -> tuple[int, bytes]:
        first = (await self.reader.readexactly(1))[0]
        size = shift = 0
        while True:
            byte = (await self.reader.readexactly(1))[0]
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return first, await self.reader.readexactly(size)

    async def _read(self) -> None:
        try:
            while True:
                self._handle(*await self._packet())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.closed.set()
            for future in self._answers.values():
                if not future.done():
                    future.set_exception(ConnectionError("closed"))
            self._answers.clear()

    def _handle(self, first: int, body: bytes) -> None:
        kind = first & 0xF0
        if kind == 0x30:
            size = struct.unpack("!H", body[:2])[0]
            topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
            if first & 0x06:
                self.writer.write(packet(0x40, rest[:2]))
                rest = rest[2:]
            self.got.append((topic, rest, bool(first & 1)))
            self.heard.set()
            return
        mid = 0 if kind == 0xD0 else struct.unpack("!H", body[:2])[0]
        future = self._answers.pop((kind, mid), None)
        if future is not None and not future.done():
            future.set_result(body)
