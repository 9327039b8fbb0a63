"""What one device of a site says keeps nothing of the others from the hub."""

from __future__ import annotations

import asyncio

from hub.mqtt.endpoint import Endpoint
from hub.sites.forward import Forward, ForwardSettings
from hub.sites.waiting import WaitingMessages
from tests.support.broker import open_broker, until
from tests.support.mqtt311 import Client

# Each ended the program, or was hung up at by the hub's broker, and came again from the disk.
POISON = {
    "too deep": ("$batch", b"[" * 9000),
    "too large a number": ("$batch", b'{"boot":"9f3a61c2","up":' + b"9" * 400 + b"}"),
    "half a character": ("$batch", b'{"boot":"\\ud800","up":1}'),
    "too large": ("$batch", b"x" * 30_000),
    "too large once it is older": ("$batch", b'{"readings":[' + b"[1,0]," * 3000 + b"[1,0]]}"),
    "too long a topic": ("t" * 60_000, b"x"),
}


async def test_what_cannot_be_brought_does_not_stand_in_the_way(short_tmp, tmp_path):
    for name in ("here", "hub"):
        (short_tmp / name).mkdir()
    async with open_broker(short_tmp / "here") as here, open_broker(short_tmp / "hub") as hub:
        ends = [Endpoint.of(f"mqtt://forwarder:x@127.0.0.1:{port}") for port in (hub, here)]
        with WaitingMessages(tmp_path / "waiting") as waiting:
            forward = asyncio.create_task(
                Forward(ForwardSettings(*ends, ("evil", "good")), waiting).run()
            )
            async with (
                await Client.connect("127.0.0.1", hub, keep_alive=600) as heard,
                await Client.connect("127.0.0.1", here, keep_alive=600) as said,
            ):
                await heard.subscribe("HomeKit/#")
                for n, (last, payload) in enumerate(POISON.values()):
                    # The first ones until it has subscribed.
                    while not heard.got or heard.got[-1][1] != b"%d" % n:
                        await said.publish("HomeKit/good/$report", b"%d" % n)
                        await asyncio.sleep(0.05)
                        assert not forward.done(), forward
                    await said.publish(f"HomeKit/evil/{last}", payload)
                await said.publish("HomeKit/good/$report", b"end")
                await until(lambda: forward.done() or heard.got[-1][1] == b"end")
                assert not forward.done(), forward
                await until(lambda: not waiting.count())
            brought = [len(payload) for topic, payload, _ in heard.got if "/evil/" in topic]
            forward.cancel()
            await asyncio.wait([forward])
    assert len(brought) == 3
    assert max(brought) <= 20_000
