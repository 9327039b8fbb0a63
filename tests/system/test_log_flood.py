"""Every door knocked on hundreds of times by strangers: the log stays short, and sums them up."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import struct

from tests.support.hub import HubProcess
from tests.support.mqtt5 import publish5
from tests.support.mqtt311 import connect_packet, packet, publish_packet

TIMES = 104
POST = b"POST %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: %b\r\nContent-Length: "
LOGIN = POST % (b"/login", b"application/x-www-form-urlencoded")
TLV = POST % (b"/pair-verify", b"application/pairing+tlv8")
GET = b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b\r\n"
SAID: tuple[tuple[str, bytes], ...] = (
    ("http_port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ("http_port", b"GET / HTTP/9.9\r\n\r\n"),
    ("http_port", GET % (b"/" + b"%ff" * 300, b"")),
    ("http_port", GET % (b"/api/devices", b"Authorization: Bearer " + b"x" * 40 + b"\r\n")),
    ("http_port", GET % (b"/_nicegui_ws/socket.io/?EIO=4&transport=websocket", b"Upgrade: x\r\n")),
    ("http_port", LOGIN + b"18\r\n\r\nname=a&password=bb"),
    ("http_port", POST % (b"/mqtt/auth", b"application/json") + b"2\r\n\r\n[]"),
    ("http_port", POST % (b"/api/tokens", b"application/json") + b"4\r\n\r\nnull"),
    ("hap_port", b"\x00\xff\r\n\r\n"),
    ("hap_port", POST % (b"/identify", b"application/hap+json") + b"0\r\n\r\n"),
    ("hap_port", TLV + b"3\r\n\r\n\x06\x01\x09"),
    ("hap_port", TLV + b"37\r\n\r\n\x06\x01\x01\x03\x20" + bytes(32)),
    ("mqtt_port", connect_packet("hub", "hub", "guess")),
    ("mqtt_port", b"\x10\x00"),
    ("mqtt_port", b"\xf0\xff\xff\xff\x7f"),
    ("mqtts_port", b"GET / HTTP/1.1\r\n\r\n"),
    ("enrol_port", b"\x00" * 20),
)  # fmt: skip


async def knock(port: int, said: bytes) -> None:
    """One connection, until the other side has answered and closed it, or has nothing to say."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(0.5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(said)
                await reader.read(1000)
            finally:
                writer.transport.abort()


async def enrol_nothing(port: int) -> None:
    """Thousands of tiny packets of one connection, few of which mean anything."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    tiny = [publish_packet("enrol/a", b""), publish_packet("x", b""), packet(0xC0, b"")]
    names = [publish_packet(f"enrol/{secrets.token_hex(4)}", b"{}", n) for n in range(1, 500)]
    writer.write(connect_packet("stranger") + b"".join(tiny * 1000 + names))
    writer.write(publish5("enrol/b", b"x") + struct.pack("!BB", 0xE0, 0))
    with contextlib.suppress(OSError):
        await writer.drain()
        while await reader.read(65536):
            pass
    writer.close()


async def test_every_door_costs_few_lines_of_log(hub: HubProcess):
    for door, said in SAID:
        for _ in range(0, TIMES, 26):
            await asyncio.gather(*(knock(hub.facts[door], said) for _ in range(26)))
    await enrol_nothing(hub.facts["enrol_port"])
    assert (await hub.status())["devices"] == []
    lines = hub.log.read_text().splitlines()
    print(*lines[-30:], sep="\n")
    assert len(lines) < 100
