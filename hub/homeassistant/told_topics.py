"""Which retained topics the broker has of each device: kept, so that all can be emptied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

__all__ = ["Kept", "ToldTopics"]

_AREA = "topics"


class Kept(Protocol):
    """Where they are kept: hub.database.key_value.KeyValueStore of one tenant."""

    async def load(self, area: str) -> dict[str, Any]:
        """All of an area, by key."""

    async def save(self, area: str, values: Mapping[str, Any]) -> None:
        """Keep these values."""

    async def delete(self, area: str, keys: Iterable[str]) -> None:
        """Forget these keys."""


class ToldTopics:
    """By device, what was said on each topic since the connection began; empty: before it."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._known: dict[str, dict[str, str]] = {}

    async def load(self) -> None:
        """What an earlier connection, or run, has said."""
        stored = await self._kept.load(_AREA)
        self._known = {device: dict.fromkeys(said, "") for device, said in stored.items()}

    def devices(self) -> list[str]:
        """Every device of which something was said."""
        return list(self._known)

    def of(self, device: str) -> Mapping[str, str]:
        """What was said of a device, by topic."""
        return self._known.get(device, {})

    async def expect(self, device: str, topics: Iterable[str]) -> None:
        """Something is about to be said on these: kept first, whatever happens meanwhile."""
        known = self._known.setdefault(device, {})
        new = set(topics) - known.keys()
        if new:
            known.update(dict.fromkeys(new, ""))
            await self._kept.save(_AREA, {device: sorted(known)})

    def said(self, device: str, topic: str, payload: str) -> None:
        """It was said."""
        self._known[device][topic] = payload

    async def taken_back(self, device: str, topics: Iterable[str]) -> None:
        """These are empty now."""
        known = self._known.get(device, {})
        gone = set(topics) & known.keys()
        for topic in gone:
            del known[topic]
        if known and gone:
            await self._kept.save(_AREA, {device: sorted(known)})
        elif not known and device in self._known:
            del self._known[device]
            await self._kept.delete(_AREA, [device])
