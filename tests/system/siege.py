"""Attacks on a running hub that go on for ever: what tests/system/test_siege.py runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import struct
from collections.abc import Awaitable, Callable

from tests.support.hub import HubProcess
from tests.support.mqtt5 import (
    SESSION_EXPIRY,
    SUBSCRIPTION_ID,
    TOPIC_ALIAS,
    WILL_DELAY,
    connect5,
    properties,
    publish5,
    subscribe5,
    user_properties,
)
from tests.support.mqtt311 import Client, connect_packet, publish_packet, subscribe_packet

PASSWORD = "0123456789abcdef" * 2
HOST = "127.0.0.1"
# Attackers come from another address than honest devices: what is limited by address is theirs.
STRANGER = "127.0.0.2"
LOGIN = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CHUNKED = LOGIN + b"Transfer-Encoding: chunked\r\n\r\n"
KEY = bytes(range(32))
PAIR = b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/pairing+tlv8\r\nContent-Length: "
# What connects and then says nothing, or half of something; door and words.
HALVES = (
    ("http_port", b""),
    ("http_port", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "),
    ("http_port", CHUNKED + b"5\r\nna"),
    ("hap_port", b""),
    ("hap_port", b"POST /pair-verify HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n"),
    ("mqtt_port", b""),
    ("mqtt_port", b"\x10\x7f\x00\x04MQ"),
    ("enrol_port", b""),
)  # fmt: skip
# Whole requests to be refused quickly, and their door.
REQUESTS = (
    ("http_port", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 300),
    ("http_port", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n"),
    ("http_port", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n"),
    ("http_port", LOGIN + b"Content-Type: application/json\r\n"
                  b"Content-Length: 200000\r\n\r\n" + b"[" * 200_000),
    ("http_port", CHUNKED + b"ffffffffffffffff\r\n" + b"x" * 500_000),
    ("hap_port", b"POST /pair-verify" + PAIR + b"37\r\n\r\n\x06\x01\x01\x03\x20" + KEY),
    ("hap_port", b"GET /accessories HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n"),
    ("hap_port", b"POST /pair-setup" + PAIR + b"99999999999\r\n\r\n" + b"x" * 500_000),
    ("mqtt_port", connect_packet("hub", "hub", "guess")),
    ("mqtt_port", connect_packet("a" * 60_000, "a" * 20_000, "b" * 15_000)),
    ("enrol_port", connect_packet("x") + b"\x30\x80\x80\x80\x1e\x00\x09enrol/big"),
    ("enrol_port", connect_packet("hub", will=("enrol/w", b"x" * 10_000))),
)  # fmt: skip


def bombs(name: str) -> list[bytes]:
    """What MQTT 5 lets an account send besides messages: properties, aliases, wills, shares."""
    own, many = f"HomeKit/{name}", properties(*user_properties(4000))
    alias = properties(struct.pack("!BH", TOPIC_ALIAS, 65535))
    number = properties(bytes([SUBSCRIPTION_ID]) + b"\xff\xff\xff\x7f")
    wild = [f"{own}/{'+/' * n}#" for n in range(60)]
    shares = [f"$share/g{n}/{own}/#" for n in range(200)]
    return [
        publish5(f"{own}/a", b"x", 1, with_properties=many),
        publish5(f"{own}/a", b"x", 2, with_properties=alias),
        subscribe5([f"{own}/#"], 3, with_properties=number),
        subscribe5(wild, 4),
        subscribe5(shares, 5),
        *(publish5(f"{own}/{n}/b/c", b"x" * 500, 10 + n) for n in range(50)),
    ]


def hostile_batches() -> list[bytes]:
    """What one account may say in 16 KiB that costs the most, and what is no JSON of ours."""
    light = "LightSensor/CurrentAmbientLightLevel"
    boot = secrets.token_hex(4)

    def batch(readings: object, **more: object) -> bytes:
        said = {"boot": boot, "up": 1, "lost": 0, "readings": readings, **more}
        return json.dumps(said, separators=(",", ":")).encode()

    return [
        batch([[2**31 - 1, 0, light, 1]] * 300),
        batch([[n * 2 + 1, 0, light, 1] for n in range(300)], after=0),
        batch([[n, 10**300, light, 1] for n in range(1, 40)]),
        b"[" * 16_000,
        b'{"a":' * 3_000,
        batch([[1, -(2**60), light, 1], [2, 4e9, light, 1]], up=2**53, at=4e12),
        batch([[1, 0, light, 1]], up=10**400),
        batch([[1, 0, light, 1]] * 900, after=2**31),
        batch([[1, 0, light, float("nan")], [2, 0, light, float("inf")]]),
        b'{"boot":1,"boot":"' + boot.encode() + b'","up":' + b"9" * 5000 + b',"readings":[]}',
        b"\xff\xfe" + b"{}" * 100,
    ]  # fmt: skip


class Siege:
    """All attacks on a hub at once; `counts` says how often each struck.

    After each strike an attack rests for `pause_s`; `silent` half connections are open at once.
    """

    def __init__(self, hub: HubProcess, evil: list[str], *, silent: int, pause_s: float) -> None:
        self._hub, self._evil, self._silent, self._pause_s = hub, evil, silent, pause_s
        self.counts: dict[str, int] = {}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, strike in self._attacks():
                group.create_task(self._again(name, strike))

    def _attacks(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        flood, batches, unread, bomber = self._evil[:4]
        return [
            ("silence", self._be_silent),
            ("requests", self._request),
            ("names", self._make_names_up),
            ("flood", lambda: self._flood(flood)),
            ("batches", lambda: self._say_hostile(batches)),
            ("unread", lambda: self._read_nothing(unread)),
            ("bombs", lambda: self._bomb(bomber)),
            ("strangers", self._fill_enrolment),
        ]

    async def _again(self, name: str, strike: Callable[[], Awaitable[None]]) -> None:
        while True:
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                async with asyncio.timeout(60):
                    await strike()
            self.counts[name] = self.counts.get(name, 0) + 1
            await asyncio.sleep(self._pause_s)

    async def _be_silent(self) -> None:
        """As many half connections as the doors take, for a while."""
        writers = []
        try:
            for n in range(self._silent):
                door, said = HALVES[n % len(HALVES)]
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(1):
                        _, writer = await self._open(door)
                    writers.append(writer)
                    writer.write(said)
            await asyncio.sleep(15)  # the attack itself: for so long they say nothing
        finally:
            for writer in writers:
                writer.transport.abort()

    async def _request(self) -> None:
        for door, said in REQUESTS:
            with contextlib.suppress(OSError, TimeoutError):
                reader, writer = await self._open(door)
                try:
                    writer.write(said)
                    async with asyncio.timeout(2):
                        await reader.read(200)
                finally:
                    writer.transport.abort()

    async def _make_names_up(self) -> None:
        """Enrolments of made-up names, a connection for fifty."""
        port = self._hub.facts["enrol_port"]
        client = await Client.connect(HOST, port, secrets.token_hex(8), local=STRANGER)
        async with client:
            for _ in range(50):
                name = f"esp8266_{secrets.token_hex(4)}"
                said = {"id": name, "password": secrets.token_hex(16), "model": "x"}
                await client.publish(f"enrol/{name}", json.dumps(said))

    async def _flood(self, name: str) -> None:
        """Retained messages, topics without end, and packets too large."""
        async with await self._in(name) as client:
            for n in range(1200):
                if client.closed.is_set():
                    return
                await client.publish(f"HomeKit/{name}/a/{n}/b", b"x" * 1000, qos=0, retain=True)
            await client.publish(f"HomeKit/{name}/{'t' * 60_000}", b"x", qos=0)
            await client.ping()

    async def _say_hostile(self, name: str) -> None:
        async with await self._in(name) as client:
            for said in hostile_batches():
                for topic in ("$batch", "$report"):
                    await client.publish(f"HomeKit/{name}/{topic}", said)

    async def _read_nothing(self, name: str) -> None:
        """Subscribe to all of its own, by wildcards and shares, and take nothing of it."""
        reader, writer = await self._open("mqtt_port")
        try:
            writer.write(connect_packet(name, name, PASSWORD, clean=False, keep_alive=600))
            await reader.readexactly(4)
            filters = [f"HomeKit/{name}/#", f"$share/g/HomeKit/{name}/#", "$SYS/#", "#"]
            for mid, one in enumerate(filters, 1):
                writer.write(subscribe_packet(one, mid))
            for mid in range(1, 200):
                body = struct.pack("!I", mid) * 3000
                writer.write(publish_packet(f"HomeKit/{name}/a/b", body, mid))
                await writer.drain()
                await asyncio.sleep(0.2)
        finally:
            writer.transport.abort()

    async def _bomb(self, name: str) -> None:
        """A session that outlives it, with a retained will that comes later, and all of `bombs`."""
        reader, writer = await self._open("mqtt_port")
        delay = properties(struct.pack("!BI", WILL_DELAY, 5), *user_properties(100))
        stays = properties(struct.pack("!BI", SESSION_EXPIRY, 0xFFFFFFFF))
        will = (f"HomeKit/{name}/w/{secrets.token_hex(4)}/x", b"x" * 10_000, delay)
        hello = connect5(
            name, name, PASSWORD, clean=False, with_properties=stays, will=will, will_retained=True
        )
        try:
            writer.write(hello)
            await reader.readexactly(4)
            for one in bombs(name):
                writer.write(one)
                await writer.drain()
            await asyncio.sleep(1)  # the attack itself: it goes without a word, and the will comes
        finally:
            writer.transport.abort()

    async def _fill_enrolment(self) -> None:
        """Sessions that outlive their connections, wills, and subscriptions without end."""
        for n in range(50):
            reader, writer = await self._open("enrol_port")
            stays = properties(struct.pack("!BI", SESSION_EXPIRY, 0xFFFFFFFE))
            will = ("enrol/w", b"x" * 3000, properties(struct.pack("!BI", WILL_DELAY, 0xFFFFFFFE)))
            hello = connect5(
                secrets.token_hex(8), clean=False, with_properties=stays, will=will
            )  # fmt: skip
            try:
                writer.write(hello)
                await reader.readexactly(4)
                for mid in range(1, 20):
                    levels = [f"{n}{mid}{k}{'/' * 190}" for k in range(18)]
                    writer.write(subscribe5(levels, mid))
                await writer.drain()
            finally:
                writer.transport.abort()

    async def _open(self, door: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        port = self._hub.facts[door]
        return await asyncio.open_connection(HOST, port, limit=64, local_addr=(STRANGER, 0))

    async def _in(self, name: str) -> Client:
        port = self._hub.facts["mqtt_port"]
        client = await Client.connect(
            HOST, port, name, name, PASSWORD, keep_alive=600, local=STRANGER
        )
        if client.code != 0:
            await client.close()
            raise ConnectionError(f"{name} is shut out")
        return client
