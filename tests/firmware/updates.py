"""The hub's part in an update, played by a plain publisher, and boards that take it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

from contracts.ota import protocol
from contracts.signatures import Key
from tests.firmware.board import Board
from tests.firmware.conftest import Ears
from tests.support.broker import until

OTA_REQUEST, OTA_TRIED = b"yaotaota", b"zaotaota"
VERSION = "0.1.0"  # what the tests' firmware says that it is
WANTED: dict[str, Any] = {
    "id": 1000,
    "version": "9.9.9",
    "board": "twin",
    "size": 500_000,
    "key": "9c1f0a3be27d4c55",
    "battery_mv": 1000,
    "downgrade": False,
}


def command(**changes: Any) -> dict[str, Any]:
    """A `$ota` that the tests' boards accept, with members changed, or left out if None."""
    return {name: value for name, value in (WANTED | changes).items() if value is not None}


def said(ears: Ears, board: Board) -> list[dict[str, Any]]:
    """What the board said about updates, without the version that it runs."""
    found = [json.loads(one) for one in ears.payloads(board.topic + "$ota/state")]
    for one in found:
        assert one.pop("version") == VERSION
    return found


def states(ears: Ears, board: Board) -> list[str]:
    """The states alone, with their reasons: `refused board`."""
    return [" ".join(filter(None, (one["state"], one.get("reason")))) for one in said(ears, board)]


def accepted(ears: Ears, board: Board) -> int:
    """How often the board has accepted."""
    return states(ears, board).count("accepted")


async def clear(ears: Ears, board: Board) -> None:
    """Clear the command: go."""
    await ears.source.publish(board.topic + "$ota", b"", retain=True)


@contextlib.asynccontextmanager
async def answering(ears: Ears, board: Board, *words: dict[str, Any] | None) -> AsyncIterator[None]:
    """A hub that answers one `accepted` after the other: with a word, or (None) by clearing."""

    async def answer() -> None:
        answered = accepted(ears, board)
        for word in words:
            await until(lambda known=answered: accepted(ears, board) > known, within=60)
            answered += 1
            if word is None:
                await clear(ears, board)
            else:
                await ears.source.publish(board.topic + "$ota", json.dumps(word))

    hub = asyncio.create_task(answer())
    try:
        yield
    finally:
        hub.cancel()
        await asyncio.wait([hub])


def last_update(board: Board) -> dict[str, Any]:
    """What the board has stored of its last update; empty if nothing."""
    path = board.folder / "flash/ota.json"
    return json.loads(path.read_text()) if path.exists() else {}


def bootloader(board: Board) -> None:
    """What the bootloader does to RTC memory when it starts its OTA server."""
    assert board.rtc.startswith(OTA_REQUEST)
    board.rtc = OTA_TRIED + board.rtc[8:]


def stream(
    address: str,
    image: bytes,
    key: Key,
    datagrams: int | None = None,
    *,
    port: int = protocol.PORT,
) -> None:
    """Update an OTA server as a plain client: one datagram at a time, each answered.

    Only so many, and no end, if asked.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((address, port))
        udp.settimeout(60)
        whole = protocol.build(image, key)
        for datagram in whole.data[:datagrams]:
            udp.send(datagram.raw)
            assert udp.recv(100)[:4] == datagram.raw[:4]
        if datagrams is None:
            udp.send(whole.end[0].raw)
