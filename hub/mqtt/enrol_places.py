"""The places that accounts take up which enrolled and were not heard yet. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

__all__ = ["EnrolPlace", "EnrolPlaces", "site_of"]


@dataclass(frozen=True, slots=True)
class EnrolPlace:
    """What an account takes up: since when (s), and from which address it enrolled."""

    since: float
    address: str | None = None


def site_of(address: str | None) -> str | None:
    """Whose an address is: of IPv6 the network of 48 bits that one customer gets."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    return str(IPv6Address(int(found) >> 80 << 80))


class EnrolPlaces:
    """Accounts by name, in the order of their enrolments; each step takes the same time."""

    def __init__(self) -> None:
        self._places: dict[str, EnrolPlace] = {}
        self._of: dict[str | None, dict[str, None]] = {}
        # The sites by how many names they have, in the order in which they came to that.
        self._by_size: dict[int, dict[str | None, None]] = {}
        self._largest = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def names(self) -> list[str]:
        """All of them."""
        return list(self._places)

    def since(self, name: str) -> float:
        """When one enrolled."""
        return self._places[name].since

    def take(self, name: str, since: float, address: str | None = None) -> None:
        """One more; where it has a place already that is left."""
        self.leave(name)
        self._places[name] = EnrolPlace(since, address)
        site = site_of(address)
        names = self._of.setdefault(site, {})
        self._sized(site, len(names), len(names) + 1)
        names[name] = None

    def leave(self, name: str) -> EnrolPlace | None:
        """What it took up; None for nothing."""
        place = self._places.pop(name, None)
        if place is None:
            return None
        site = site_of(place.address)
        names = self._of[site]
        self._sized(site, len(names), len(names) - 1)
        del names[name]
        if not names:
            del self._of[site]
        return place

    def oldest_of_most(self) -> tuple[str | None, str]:
        """The site that has most of them, and the first of its names. There must be one."""
        site = next(iter(self._by_size[self._largest]))
        return site, next(iter(self._of[site]))

    def _sized(self, site: str | None, before: int, after: int) -> None:
        if before:
            self._by_size[before].pop(site)
        if after:
            self._by_size.setdefault(after, {})[site] = None
        if not self._by_size.get(before):
            self._by_size.pop(before, None)
        # One name more or less moves the largest by one.
        self._largest = max(self._largest, after)
        if self._largest and self._largest not in self._by_size:
            self._largest -= 1
