"""Who sent an enrolment, by the broker's log: its lines, what clients make of them, a broker."""

from __future__ import annotations

import json
import secrets

import pytest

from hub.mqtt.enrol_addresses import EnrolAddresses, neighbourhood
from hub.mqtt.enrolment import EnrolmentOutcome
from tests.support.broker import until
from tests.support.mqtt311 import Client


def connected(address: str, client: str) -> str:
    return f"New client connected from {address} as {client} (p2, c1, k30)."


def published(client: str, topic: str) -> str:
    return f"Received PUBLISH from {client} (d0, q1, r0, m1, '{topic}', ... (77 bytes))"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.168.1.7:50123", "192.168.1.7"),
        ("192.168.1.7", "192.168.1.7"),
        ("::1:50123", "::"),
        ("2001:db8:1:2:3:4:5:6:50123", "2001:db8:1:2::"),
        ("fe80::1%eth0:50123", "fe80::"),
        ("::ffff:192.168.1.7:50123", "192.168.1.7"),
    ],
)
async def test_lines_of_the_broker(address, expected):
    addresses = EnrolAddresses()
    addresses.line(connected(address, "auto-1234"))
    addresses.line(published("auto-1234", "enrol/dev"))
    assert await addresses.of("dev") == expected


async def test_what_a_client_calls_itself_puts_no_words_into_anothers_mouth():
    addresses = EnrolAddresses()
    addresses.PATIENCE_S = 0.01
    liar = "good (d0, q1, r0, m1, 'enrol/victim', ... (77 bytes))"
    addresses.line(connected("10.0.0.9:1", liar))
    addresses.line(published(liar, "enrol/evil"))
    assert await addresses.of("victim") is None
    assert await addresses.of("evil") == "10.0.0.9"
    addresses.line(connected("10.0.0.9:1", "New client connected from 10.0.0.1:5 as x"))
    addresses.line(published("x", "enrol/dev"))
    assert await addresses.of("dev") is None


async def test_memory_is_bounded():
    addresses = EnrolAddresses()
    for n in range(3 * EnrolAddresses.LIMIT):
        addresses.line(connected("10.0.0.9:1", f"c{n}"))
        addresses.line(published(f"c{n}", f"enrol/d{n}"))
    assert len(addresses._names) == len(addresses._clients) == EnrolAddresses.LIMIT


def test_neighbourhoods_of_what_is_no_address():
    assert neighbourhood("somewhere") == "somewhere"


async def _enrol(side, name: str, local: str) -> None:
    payload = json.dumps({"id": name, "password": secrets.token_hex(16)})
    async with await Client.connect("127.0.0.1", side.ports["enrol"], local=local) as client:
        await client.publish(f"enrol/{name}", payload)


async def test_a_flood_from_one_address_through_the_broker(side):
    side.enroller.MAX_PENDING = 40
    outcomes: dict[str, EnrolmentOutcome] = {}
    decide = side.enroller.enrol

    async def enrol(message, address=None):
        outcomes[message.id] = await decide(message, address)
        return outcomes[message.id]

    side.enroller.enrol = enrol
    payload = {"password": secrets.token_hex(16)}
    async with await Client.connect("127.0.0.1", side.ports["enrol"], local="127.0.0.9") as evil:
        for n in range(120):
            await evil.publish(f"enrol/made{n}", json.dumps({"id": f"made{n}", **payload}))
        await until(lambda: len(outcomes) == 120)
        assert list(outcomes.values()).count(EnrolmentOutcome.TOO_MANY) >= 80
        await _enrol(side, "dev", "127.0.0.2")
        await until(lambda: "dev" in outcomes)
    assert outcomes["dev"] is EnrolmentOutcome.ENROLLED
    assert side.book.get("dev") is not None
