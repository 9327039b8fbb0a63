"""What strangers can have the enrolment broker keep, and whether enrolling goes on meanwhile."""

from __future__ import annotations

import contextlib
import json
import struct

from hub.mqtt.broker_room import resident
from hub.mqtt.enrol_rules import EnrolRules
from tests.support.broker import until
from tests.support.mqtt311 import Client, packet

PASSWORD = "0123456789abcdef" * 2
# mosquitto takes no filter of more levels (CVE-2019-11779).
LEVELS = "/" * 199


async def enrolled(side, name: str) -> bool:
    """Enrol a device; whether it has its account."""
    said = {"id": name, "password": PASSWORD, "model": "d1_mini", "firmware": "1.0.0"}
    with contextlib.suppress(OSError, EOFError):
        async with await Client.connect("127.0.0.1", side.ports["enrol"], name) as device:
            if device.code == 0:
                await device.publish(f"enrol/{name}", json.dumps(said))
    return side.book.get(name) is not None


def subscriptions(mid: int) -> bytes:
    """One packet of 18 filters with 200 levels of their own each."""
    filters = (f"{mid:04}{n:04}{LEVELS}".encode() for n in range(18))
    asked = b"".join(struct.pack("!H", len(one)) + one + b"\x01" for one in filters)
    return packet(0x82, struct.pack("!H", mid) + asked)


async def test_subscriptions_are_refused_and_take_no_memory(side):
    before = resident(side.broker.enrolment.pid)
    async with await Client.connect("127.0.0.1", side.ports["enrol"], "stranger") as stranger:
        for one in ("enrol/+", "#", "$SYS/#", "$share/g/enrol/+", "enrol/x", "$CONTROL/#"):
            assert await stranger.subscribe(one) == 128
        for mid in range(1000, 1300):
            stranger.writer.write(subscriptions(mid))
            await stranger.writer.drain()
        await stranger.ping()  # still connected: each was answered
        # 1,080,000 levels; where they are kept each takes some 100 bytes.
        assert resident(side.broker.enrolment.pid) - before < 8 << 20
        await until(lambda: enrolled(side, "esp8266_0000abcd"))
        assert stranger.got == []
    await until(lambda: side.problems.total["enrol-subscribe"] >= 300)


async def test_what_fills_it_goes_in_time(side):
    """As sessions that outlive their connections do, by ids without end: 0.7 KB each."""
    first = side.broker.enrolment.pid
    side.broker.STRANGERS_ROOM, side.broker.ROOM_CALM_S = 1 << 20, 0.05
    await until(lambda: side.broker.enrolment.pid not in {first, None})
    side.broker.STRANGERS_ROOM = 48 << 20
    assert side.problems.total["enrol-memory"] >= 1
    await until(lambda: enrolled(side, "esp8266_0000abce"))


def test_without_the_plugin_the_acl_file_holds(tmp_path):
    rules = EnrolRules(tmp_path, "secret", None)
    assert not rules.refuses_subscriptions
    assert f"acl_file {tmp_path}/enrol-acl\n" in rules.lines()
    said = rules.files()[tmp_path / "enrol-acl"].splitlines()
    assert said == ["topic write enrol/+", "", "user hub", "topic read enrol/+"]
