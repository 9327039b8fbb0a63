"""A paho client on the loop's sockets, at the end of both."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from paho.mqtt.enums import CallbackAPIVersion

from hub.mqtt.buffered import BufferedClient
from hub.mqtt.driven import ChildDriver


async def connected_and_released() -> BufferedClient:
    with socket.create_server(("127.0.0.1", 0)) as broker:
        client = BufferedClient(CallbackAPIVersion.VERSION2)
        driver = ChildDriver()
        driver.drive(client)
        await asyncio.to_thread(client.connect, *broker.getsockname())
        driver.release(client)
    return client


def test_a_released_client_may_be_collected_after_the_loop_and_by_any_thread():
    client = asyncio.run(connected_and_released())
    with ThreadPoolExecutor(1) as other:
        other.submit(client.__del__).result()
