"""Boards on the real VM, and a real broker with their accounts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from contracts import topics
from contracts.messages import Batch, Report, parse
from contracts.reading import SeriesKey, Value
from host.twin.firmware import Build
from hub.mqtt.delivery import Delivery
from hub.mqtt.source import MqttSource
from tests.firmware.board import Board
from tests.support.broker import subscriber, until

MARKER = "mark"
MakeBoard = Callable[..., Board]


@pytest.fixture
def make_board(firmware_build: Build, tmp_path) -> MakeBoard:
    """Makes boards of their own chip ids: `make_board(interval=60)` changes settings."""

    def make(**settings: Any) -> Board:
        chip = random.SystemRandom().getrandbits(24) << 8
        return Board(tmp_path / f"{chip:08x}", firmware_build, chip=chip, settings=settings)

    return make


@pytest.fixture
def bare(make_board: MakeBoard) -> Board:
    """A board that nobody has set up, in reach of `dormouse` and two other networks."""
    board = make_board(ssid="", key="", host="")
    board.world["wifi"]["others"] = [
        {"ssid": "<script>alert(1)</script>\"'&", "rssi": -80},
        {"ssid": "café", "rssi": -50, "security": 0},
    ]
    return board


class Ears:
    """What a broker's subscriber heard, as the hub understands it."""

    def __init__(
        self, source: MqttSource, got: list[Delivery], marker: asyncio.StreamWriter
    ) -> None:
        self.source = source
        self.marker = marker
        self.got = got

    def payloads(self, topic: str) -> list[bytes]:
        return [one.payload for one in self.got if one.topic == topic]

    def batches(self, board: Board) -> list[Batch]:
        return [
            message
            for one in self.got
            if one.topic == board.topic + "$batch"
            and isinstance(message := parse(one.topic, one.payload), Batch)
        ]

    def reports(self, board: Board) -> list[Report]:
        """Whole ones, and those that a batch completes."""
        found: list[Report] = []
        for one in self.got:
            message = parse(one.topic, one.payload) if one.topic.startswith(board.topic) else None
            if isinstance(message, Batch) and message.brief is not None:
                message = found[-1].completed(message)
                assert message is not None
            if isinstance(message, Report):
                found.append(message)
        return found

    def whole_reports(self, board: Board) -> list[bytes]:
        """Those that the device said whole."""
        return self.payloads(board.topic + "$report")

    def values(self, board: Board, name: str) -> list[Value]:
        """What its `$batch` said of a series ("Service/Characteristic"), in order.

        Readings, each once though it was sent again, and values for now alone.
        """
        said: list[tuple[SeriesKey, Value]] = []
        heard: set[tuple[str, int]] = set()
        for batch in self.batches(board):
            fresh = [one for one in batch.entries if (batch.boot, one.seq) not in heard]
            heard.update((batch.boot, one.seq) for one in fresh)
            said += [(one.series, one.raw) for one in fresh]
            said += batch.states
        return [value for series, value in said if topics.state(series) == board.topic + name]

    def seqs(self, board: Board) -> list[int]:
        """Numbers of all readings heard, repeats included."""
        return [entry.seq for batch in self.batches(board) for entry in batch.entries]

    async def acknowledge(self, board: Board, seq: int, boot: str | None = None) -> None:
        """Say, as the hub does, what the database holds."""
        boot = boot or self.batches(board)[-1].boot
        await self.say(board, "$ack", {"boot": boot, "seq": seq})

    async def say(self, board: Board, name: str, what: Any) -> None:
        """Publish a retained command."""
        await self.source.publish(board.topic + name, json.dumps(what), retain=True)

    async def mark(self) -> None:
        """Return when everything published before has been heard: a message makes the round."""
        topic = f"HomeKit/{MARKER}/{secrets.token_hex(4)}"
        # PUBLISH, QoS 0. The hub's own messages are not sent back to it, so somebody else's.
        self.marker.write(bytes((0x30, len(topic) + 3, 0, len(topic))) + topic.encode() + b"x")
        await until(lambda: bool(self.payloads(topic)))


@pytest.fixture
async def ears(accounts, broker) -> AsyncIterator[Ears]:
    password = await accounts.provision(MARKER, "home")
    await until(lambda: takes(broker.endpoint.port, MARKER, password))
    reader, writer = await connect(broker.endpoint.port, MARKER, password)
    assert (await reader.readexactly(4))[3] == 0
    async with subscriber(broker.endpoint, "HomeKit/#") as (source, got):
        yield Ears(source, got, writer)
    writer.close()


@pytest.fixture
async def enrolments(broker) -> AsyncIterator[list[Delivery]]:
    """What came to the enrolment listener."""
    endpoint, client_id = broker.enrol_endpoint, broker.enrol_client_id
    async with subscriber(endpoint, topics.ENROLMENTS, client_id=client_id) as (_, got):
        yield got


@pytest.fixture
def admit(accounts, broker) -> Callable[[Board], Any]:
    """Gives a board an account at the broker, and the broker's address."""

    async def give(board: Board) -> Board:
        board.settings |= {
            "port": broker.endpoint.port,
            "enrol_port": broker.enrol_endpoint.port,
        }
        board.password = secrets.token_hex(16)
        await accounts.provision(board.id, "home", board.password)
        await until(lambda: takes(broker.endpoint.port, board.id, board.password))
        return board

    return give


async def connect(
    port: int, name: str, password: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which MQTT's CONNECT was sent."""
    texts = (name.encode(), name.encode(), password.encode())
    body = b"\0\x04MQTT\x04\xc2\0\0" + b"".join(struct.pack(">H", len(t)) + t for t in texts)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(bytes((0x10, len(body))) + body)
    return reader, writer


async def takes(port: int, name: str, password: str) -> bool:
    """Whether the broker takes an account: it re-reads its files in its own time."""
    reader, writer = await connect(port, name, password)
    try:
        return (await reader.readexactly(4))[3] == 0
    finally:
        writer.close()


@contextlib.asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A broker that accepts connections and says nothing; its port."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while await reader.read(1024):
                pass
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
