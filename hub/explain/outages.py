"""When the hub could not hear: it was not running, its broker was away, a site's tunnel down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from hub.database.errors import DatabaseAwayError
from hub.mqtt.connection import BrokerConnection
from hub.runtime.host_clock import ClockStep
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.ticks import tick

__all__ = ["Away", "Outage", "Outages", "merged"]

log = logging.getLogger(__name__)

_AREA, _ALIVE = "hub-outages", "hub-alive"


class Away(StrEnum):
    """What was away."""

    HUB = "hub"
    BROKER = "broker"
    TUNNEL = "tunnel"  # of a site: its devices alone


@dataclass(frozen=True, slots=True)
class Outage:
    """From `start` to `end` (None: it still is) nobody could be heard, or nobody of a site."""

    what: Away
    start: datetime
    end: datetime | None


class OutageStore(Protocol):
    """hub.database.key_value.KeyValueStore."""

    async def load(self, area: str) -> dict[str, Any]:
        """All of an area."""

    async def save(self, area: str, values: dict[str, Any]) -> None:
        """Keep these."""

    async def delete(self, area: str, keys: Iterable[str]) -> None:
        """Forget these."""


class Outages:
    """Remembers when the hub was running and connected, over restarts and crashes.

    A sign of life is kept every `BEAT_S` seconds, so that a crash is known to within that; a
    pause of the whole process (a laptop asleep) shows in the same way.
    """

    BEAT_S = 30.0
    # Shorter ones excuse nothing: a wake waits longer for the broker.
    SHORTEST_S = 2.0
    KEEP = timedelta(days=60)
    MOST = 500

    def __init__(
        self,
        store: OutageStore,
        source: BrokerConnection,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        supervisor: Supervisor | None = None,
    ) -> None:
        self._store = store
        self._source = source
        self._clock = clock
        self._past: list[Outage] = []
        self._since: datetime | None = None
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.DUTIES)
        self._unsaved: list[Outage] = []
        self._alive: datetime | None = None
        # Of this run: dated by a clock that may be set.
        self._ours: list[Outage] = []
        self._set_by = timedelta(0)
        self._wrong: list[Outage] = []
        self.started_at = clock()

    async def start(self) -> None:
        """Note for how long the hub was away before, then watch."""
        self.started_at = now = self._clock()
        self._past = sorted(
            (
                Outage(Away(v["what"]), datetime.fromisoformat(k), datetime.fromisoformat(v["end"]))
                for k, v in (await self._store.load(_AREA)).items()
            ),
            key=lambda outage: outage.start,
        )
        alive = (await self._store.load(_ALIVE)).get("at")
        if alive is not None:
            self._alive = datetime.fromisoformat(alive)
            self._note(Outage(Away.HUB, self._alive, now))
        await self._save()
        self._tasks.loop("the hub's sign of life", self._beat)
        self._tasks.loop("when the broker is away", self._watch)

    async def stop(self) -> None:
        """From now on the hub is away."""
        await self._tasks.stop()
        await self._try_save()

    def clock_was_set(self, step: ClockStep) -> None:
        """What this run has noted is dated again, as it would have been by the new time."""
        by = timedelta(seconds=step.by)
        self._set_by += by
        self.started_at += by
        if self._since is not None:
            self._since += by
        ours = [one for one in self._ours if one.start != self._alive]
        self._wrong += [one for one in self._ours if one not in self._unsaved]
        self._past = [one for one in self._past if one not in self._ours]
        self._unsaved = [one for one in self._unsaved if one not in self._ours]
        self._ours = []
        if self._alive is not None:
            self._note(Outage(Away.HUB, self._alive, self.started_at))
        for one in ours:
            self._note(Outage(one.what, one.start + by, one.end and one.end + by))

    def all(self) -> list[Outage]:
        """Every outage that is remembered, oldest first; the one that goes on has no end."""
        return [*self._past, *([Outage(Away.BROKER, self._since, None)] if self._since else [])]

    @property
    def broker_away_since(self) -> datetime | None:
        """Since when the broker is away; None while the hub is connected."""
        return self._since

    async def _beat(self) -> None:
        while True:
            before, set_by = self._clock(), self._set_by
            await tick(self.BEAT_S)
            now = self._clock()
            before += self._set_by - set_by
            if (now - before).total_seconds() > 3 * self.BEAT_S:
                self._note(Outage(Away.HUB, before, now))
            await self._try_save()

    async def _watch(self) -> None:
        while True:
            if not self._source.connected.is_set():
                self._since = self._clock()
                await self._source.connected.wait()
                self._note(Outage(Away.BROKER, self._since, self._clock()))
                self._since = None
            await self._source.lost.wait()

    def _note(self, outage: Outage) -> None:
        if outage.end and (outage.end - outage.start).total_seconds() >= self.SHORTEST_S:
            self._past.append(outage)
            self._unsaved.append(outage)
            self._ours.append(outage)

    async def _try_save(self) -> None:
        try:
            await self._save()
        except DatabaseAwayError as error:
            log.info("the hub's sign of life is kept later: %s", error.reason)

    async def _save(self) -> None:
        if self._wrong:
            await self._store.delete(_AREA, [one.start.isoformat() for one in self._wrong])
            self._wrong = []
        unsaved = {
            outage.start.isoformat(): {"what": outage.what, "end": outage.end.isoformat()}
            for outage in self._unsaved
            if outage.end is not None
        }
        if unsaved:
            await self._store.save(_AREA, unsaved)
            self._unsaved.clear()
        await self._store.save(_ALIVE, {"at": self._clock().isoformat()})
        old = [o for o in self._past[: -self.MOST] if o] + [
            o for o in self._past[-self.MOST :] if self._clock() - o.start > self.KEEP
        ]
        if old:
            await self._store.delete(_AREA, [o.start.isoformat() for o in old])
            self._past = [o for o in self._past if o not in old]


def merged(outages: Iterable[Outage], now: datetime) -> list[tuple[datetime, datetime]]:
    """The times of the outages, in order, those that touch made one; one that goes on ends now."""
    spans: list[tuple[datetime, datetime]] = []
    for outage in sorted(outages, key=lambda outage: outage.start):
        end = outage.end or now
        if spans and outage.start <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(spans[-1][1], end)
        else:
            spans.append((outage.start, end))
    return spans
