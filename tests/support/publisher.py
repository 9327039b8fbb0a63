"""A device at protocol level: MQTT 3.1.1 over asyncio, quick enough to load a hub from Python.

It stands where a device's radio would: what it publishes and what the broker confirmed is known
exactly, message by message.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import struct

CONNACK, PUBLISH, PUBACK = 0x20, 0x30, 0x40


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


def _packet(kind: int, body: bytes) -> bytes:
    length, header = len(body), bytearray([kind])
    while True:
        length, digit = divmod(length, 128)
        header.append(digit | (128 if length else 0))
        if not length:
            return bytes(header) + body


def publish_packet(topic: str, payload: bytes, packet_id: int, *, retain: bool = False) -> bytes:
    """A PUBLISH, QoS 1 (QoS 0 with packet id 0)."""
    head = _string(topic) + (struct.pack(">H", packet_id) if packet_id else b"")
    return _packet(PUBLISH | (2 if packet_id else 0) | retain, head + payload)


class RefusedError(Exception):
    """CONNACK with a code other than 0."""


class Publisher:
    """One device; `confirmed` holds the tags of the messages whose PUBACK came."""

    def __init__(self, device: str, port: int, enrol_port: int) -> None:
        self.device, self.port, self.enrol_port = device, port, enrol_port
        self.password = secrets.token_hex(16)
        self.boot = secrets.token_hex(4)
        self.seq = 0
        self.confirmed: set[int] = set()
        self._sent: dict[int, int] = {}
        self._packet_id = 0
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def _connect(self, port: int, user: str | None) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        flags = 0xC2 if user else 0x02
        body = _string("MQTT") + bytes([4, flags, 0, 60]) + _string(self.device)
        if user:
            body += _string(user) + _string(self.password)
        self._writer.write(_packet(0x10, body))
        kind, answer = await self._packet()
        if kind != CONNACK or answer[1]:
            await self.close()
            raise RefusedError(answer)

    async def _packet(self) -> tuple[int, bytes]:
        assert self._reader is not None
        kind = (await self._reader.readexactly(1))[0]
        length = shift = 0
        while True:
            digit = (await self._reader.readexactly(1))[0]
            length |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                return kind, await self._reader.readexactly(length)

    async def enrol(self) -> None:
        """Make the account, as docs/topics.md has it, and connect with it (10 s at most)."""
        await self._connect(self.enrol_port, None)
        enrolment = {"id": self.device, "password": self.password, "model": "load", "firmware": "0"}
        await self.send(f"enrol/{self.device}", json.dumps(enrolment).encode(), tag=0)
        await self.drain()
        await self.close()
        async with asyncio.timeout(60):
            while True:
                try:
                    return await self.connect()
                except RefusedError:
                    await asyncio.sleep(0.05)

    async def connect(self) -> None:
        """Connect with the device's own password. Raises RefusedError or OSError."""
        await self._connect(self.port, self.device)

    async def connect_anonymously(self) -> None:
        """Connect without credentials, where a broker allows that."""
        await self._connect(self.port, None)

    async def send(self, topic: str, payload: bytes, *, tag: int, retain: bool = False) -> None:
        """Publish with QoS 1; `drain` awaits the PUBACKs."""
        assert self._writer is not None
        self._packet_id = self._packet_id % 65535 + 1
        self._sent[self._packet_id] = tag
        self._writer.write(publish_packet(topic, payload, self._packet_id, retain=retain))

    async def drain(self, outstanding: int = 0) -> None:
        """Read PUBACKs until at most `outstanding` messages lack theirs."""
        assert self._writer is not None
        await self._writer.drain()
        while len(self._sent) > outstanding:
            kind, body = await self._packet()
            if kind == PUBACK:
                self.confirmed.add(self._sent.pop(struct.unpack(">H", body[:2])[0]))

    async def batch(self, count: int, name: str, value) -> None:
        """Send a `$batch` of `count` new readings; its tag is the last sequence number."""
        readings = []
        for _ in range(count):
            self.seq += 1
            readings.append([self.seq, 0, name, value(self.seq)])
        payload = {"boot": self.boot, "up": self.seq, "lost": 0, "readings": readings}
        topic = f"HomeKit/{self.device}/$batch"
        await self.send(topic, json.dumps(payload).encode(), tag=self.seq)

    async def close(self) -> None:
        """Close the connection; what was not confirmed never will be."""
        self._sent.clear()
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
            self._writer = None
