"""How often a password may be tried.

A guesser must be slow; the owner must never be shut out by one. So three things are counted: where
an attempt comes from, whose account it is for, and browsers that have logged into that account
before. Such a browser brings a mark of it and has a count of its own: what strangers do to the
account's count, or to that of an address they share with it, does not touch it.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable

from hub.runtime.token_bucket import TokenBuckets

__all__ = ["Attempts", "network_of"]

BURST = 10
"""A person mistypes a few times."""

PER_MINUTE = 10
"""What a machine on the network, and a browser that is known, are held to after that."""

PER_MINUTE_ACCOUNT = 2
"""Guesses from many addresses at one account: 3000 a day."""


class Attempts:
    """Counts attempts by address, account and known browser; `clock` in seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._addresses = TokenBuckets[str](BURST, PER_MINUTE, clock=clock)
        self._accounts = TokenBuckets[str](BURST, PER_MINUTE_ACCOUNT, clock=clock)
        self._browsers = TokenBuckets[str](BURST, PER_MINUTE, clock=clock)

    def acquire(self, address: str, login: str, browser: str | None) -> float:
        """Seconds until an attempt is allowed; 0 counts it as made."""
        buckets = self._buckets(address, login, browser)
        longest = max(among.wait(key) for among, key in buckets)
        if longest <= 0:
            for among, key in buckets:
                among.take(key)
        return longest

    def forgive(self, address: str, login: str, browser: str | None) -> None:
        """It was the right password: what came before was mistyped."""
        for among, key in self._buckets(address, login, browser):
            among.forget(key)

    def _buckets(
        self, address: str, login: str, browser: str | None
    ) -> list[tuple[TokenBuckets[str], str]]:
        if browser:
            # Not its address, which behind a proxy is everybody's.
            return [(self._browsers, browser)]
        return [(self._addresses, network_of(address)), (self._accounts, login)]


def network_of(address: str) -> str:
    """What one machine can be taken for: an IPv4 address, an IPv6 /64."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
