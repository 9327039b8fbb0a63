"""How often a password may be tried: pure bookkeeping over times that are handed in.

A guesser must be slow; the owner must never be shut out by one. So three things are counted: where
an attempt comes from, whose account it is for, and browsers that have logged into that account
before. Such a browser brings a mark of it and has a count of its own: what strangers do to the
account's count does not touch it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

__all__ = ["Attempts", "Bucket", "network_of"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many at once, then one every so many seconds."""

    burst: int
    every_s: float


# A person mistypes a few times; a machine on the network is held to 10 a minute after that.
ADDRESS = Bucket(burst=10, every_s=6)
# Guesses from many addresses at one account: 2 a minute, 3000 a day.
ACCOUNT = Bucket(burst=10, every_s=30)
KNOWN = Bucket(burst=10, every_s=6)
# Counts that are full again are forgotten; beyond this many at once, the oldest.
_ENTRIES = 10_000


class Attempts:
    """Leaky buckets by key; `now` is a monotonic clock's seconds."""

    def __init__(self) -> None:
        self._full_at: dict[tuple[str, str], float] = {}

    def wait(self, address: str, login: str, known: str | None, now: float) -> float:
        """Seconds until an attempt is allowed; 0 counts it as made."""
        account = ("known", known) if known else ("account", login)
        keys = [
            (("address", network_of(address)), ADDRESS),
            (account, KNOWN if known else ACCOUNT),
        ]
        longest = max(self._wait(key, bucket, now) for key, bucket in keys)
        if longest <= 0:
            for key, bucket in keys:
                self._full_at[key] = max(self._full_at.pop(key, now), now) + bucket.every_s
            self._tidy(now)
            return 0
        return longest

    def forgive(self, address: str, login: str, known: str | None) -> None:
        """It was the right password: what came before was mistyped."""
        self._full_at.pop(("address", network_of(address)), None)
        self._full_at.pop(("known", known) if known else ("account", login), None)

    def _wait(self, key: tuple[str, str], bucket: Bucket, now: float) -> float:
        owed = self._full_at.get(key, now) - now
        return max(0.0, owed - (bucket.burst - 1) * bucket.every_s)

    def _tidy(self, now: float) -> None:
        # The longest untouched come first.
        while self._full_at:
            oldest = next(iter(self._full_at))
            if self._full_at[oldest] > now and len(self._full_at) <= _ENTRIES:
                break
            del self._full_at[oldest]


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
