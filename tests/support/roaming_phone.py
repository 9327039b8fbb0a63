"""A controller that knows its home by multicast alone: a program, run in a namespace of its own.

It reads lines: `pair <code>` pairs with the one bridge it can find; `find` connects anew, where
multicast says that the bridge is now. It answers each with a line of JSON: `seconds` that it took,
`address` where it was, and the ids of everything that is shown there. With `--ipv6` it knows no
other network.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import time
from typing import Any

from aiohomekit.characteristic_cache import CharacteristicCacheMemory
from aiohomekit.controller.ip import IpController
from aiohomekit.controller.ip.pairing import IpPairing
from aiohomekit.exceptions import HomeKitException
from aiohomekit.zeroconf import HAP_TYPE_TCP, ZeroconfServiceListener
from zeroconf import IPVersion
from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

# s: a TCP connection to an address that is not there any more takes minutes to fail by itself.
ATTEMPT_S = 2.0
NOT_YET = (HomeKitException, OSError, TimeoutError, LookupError)


class RoamingPhone:
    """The controller, on all interfaces."""

    def __init__(self) -> None:
        version = IPVersion.V6Only if "--ipv6" in sys.argv else IPVersion.V4Only
        self._zeroconf = AsyncZeroconf(ip_version=version)
        self._browser = AsyncServiceBrowser(
            self._zeroconf.zeroconf, [HAP_TYPE_TCP], listener=ZeroconfServiceListener()
        )
        self._controller = IpController(CharacteristicCacheMemory(), self._zeroconf)
        self._data: dict[str, Any] = {}

    async def start(self) -> None:
        await self._controller.async_start()

    async def pair(self, code: str) -> None:
        while not self._controller.discoveries:
            await asyncio.sleep(0.05)
        [discovery] = self._controller.discoveries.values()
        finish = await discovery.async_start_pairing("phone")
        pairing = await finish(code)
        self._data = dict(pairing.pairing_data)
        await pairing.close()

    async def find(self) -> dict[str, Any]:
        """Where it is and what is shown there, as soon as it is found."""
        while True:
            with contextlib.suppress(*NOT_YET):
                async with asyncio.timeout(ATTEMPT_S):
                    return await self._look()
            await asyncio.sleep(0.1)

    async def _look(self) -> dict[str, Any]:
        there = self._controller.discoveries[self._data["AccessoryPairingID"].lower()].description
        pairing = IpPairing(self._controller, self._data)
        pairing._async_description_update(there)
        try:
            tree = await pairing.list_accessories_and_characteristics()
        finally:
            await pairing.close()
        ids = [
            [accessory["aid"], service["iid"], service["type"], char["iid"], char["type"]]
            for accessory in tree
            for service in accessory["services"]
            for char in service["characteristics"]
        ]
        return {"address": there.address, "ids": sorted(ids)}


async def main() -> None:
    # It goes on reading on a connection that was closed on purpose, and says so.
    logging.getLogger("aiohomekit").setLevel(logging.CRITICAL)
    phone = RoamingPhone()
    await phone.start()
    while line := await asyncio.to_thread(sys.stdin.readline):
        what, *words = line.split()
        began = time.monotonic()
        answer = await phone.pair(words[0]) if what == "pair" else await phone.find()
        print(json.dumps({**(answer or {}), "seconds": time.monotonic() - began}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
