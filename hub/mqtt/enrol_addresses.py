"""From which address an enrolment came: the broker passes it on in its log alone."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from contracts import topics

__all__ = ["EnrolAddresses", "neighbourhood"]

# As mosquitto 2.0 writes them (src/handle_connect.c, src/handle_publish.c). A client chooses its id
# and its topic, quotes and all: the last that fits is what the broker wrote.
_CONNECTED = re.compile(r"New client connected from (\S+?)(?::\d+)? as (.*) \(p\d+, c\d+, k\d+")
_PUBLISHED = re.compile(
    r"Received PUBLISH from (.*) \(d\d, q\d, r\d, m\d+, '(.*)', \.\.\. \(\d+ bytes\)\)"
)


class EnrolAddresses:
    """Reads the log of the enrolment broker, line by line (`line`).

    What is remembered is bounded: the latest `LIMIT` clients, and names until they are asked for.
    """

    LIMIT = 5000
    PATIENCE_S = 0.2
    """How long the log may come after the message."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, str] = OrderedDict()
        self._names: OrderedDict[str, str] = OrderedDict()
        self._more = asyncio.Event()

    def line(self, text: str) -> None:
        """One line of the log."""
        if (found := _CONNECTED.match(text)) is not None:
            _remember(self._clients, found[2], neighbourhood(found[1]), self.LIMIT)
        elif (found := _PUBLISHED.match(text)) is not None:
            address = self._clients.get(found[1])
            if address is not None and found[2].startswith(f"{topics.ENROL}/"):
                _remember(self._names, found[2].partition("/")[2], address, self.LIMIT)
                self._more.set()

    async def of(self, name: str) -> str | None:
        """From where the last enrolment of a name came; None when the log does not say."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.PATIENCE_S):
                while name not in self._names:
                    self._more.clear()
                    await self._more.wait()
        return self._names.pop(name, None)


def neighbourhood(address: str) -> str:
    """What one may have many of counts as one: an IPv6 network of 64 bits, else the address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> 64 << 64))


def _remember(kept: OrderedDict[str, str], key: str, value: str, limit: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > limit:
        kept.popitem(last=False)
