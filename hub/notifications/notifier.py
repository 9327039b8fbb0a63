"""Looks for what there is to tell, all the time, and brings messages to where they go."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.database.queries import Queries
from hub.explain.outages import merged
from hub.explain.problems import OutagesLike
from hub.live import Live, LiveChange
from hub.notifications.alerts import AlertRepository
from hub.notifications.compose import Composed, composed
from hub.notifications.delivery import AlertDelivery
from hub.notifications.errors import TooManyTestsError
from hub.notifications.finding import Around, FindingSource
from hub.notifications.model import Alert, Rule, RuleKind, Told
from hub.notifications.outbox import Outbox
from hub.notifications.repository import RuleRepository
from hub.notifications.rule_writer import RuleWriter
from hub.notifications.trouble import ChannelTrouble
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.token_bucket import TokenBuckets
from hub.zones.service import ZoneService

__all__ = ["Notifier"]

T = TypeVar("T")

log = logging.getLogger(__name__)

_QUERIES = Queries.of("hub.notifications")
_KEEP = timedelta(days=90)
_FORGET = timedelta(hours=6)
# As long as a reading is taken to hold, and then some.
_AWAY = timedelta(hours=6)
# Whoever sets up a channel tries it a few times; each may take as long as its far end likes.
_TESTS, _TESTS_PER_MINUTE = 5, 6
# Of one tenant, before the others' turn comes again: one that always has more waits for the next.
_PASSES = 5


class Notifier:
    """One loop looks every `LOOK_S` seconds, the other begins to send what is due.

    Each tenant's messages are sent by a task of their own: whose channels are slow is waited for by
    nobody else.

    `sources` say by kind what can be told of; `clock` gives aware times.
    """

    LOOK_S = 30.0
    # Something may have come due by another worker, or by a clock that was set.
    SEND_S = 60.0
    # Between two turns of a tenant: of what is due in each another worker may have hold.
    TURN_S = 0.5

    def __init__(
        self,
        database: Database,
        sources: Mapping[RuleKind, FindingSource],
        delivery: AlertDelivery,
        *,
        outages: OutagesLike | None = None,
        live: Live | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        supervisor: Supervisor | None = None,
    ) -> None:
        self._database, self._sources, self._delivery = database, sources, delivery
        self._outages, self._live, self._clock = outages, live, clock
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.DUTIES)
        self._zones = ZoneService(database)
        self.trouble = ChannelTrouble(database)
        self._due = asyncio.Event()
        self._forgot_at: datetime | None = None
        self._resuming = asyncio.Lock()
        # One at a time of each tenant.
        self._sending: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._turns: set[str] = set()
        self._resumed = False
        self._tests = TokenBuckets[tuple[str, int]](_TESTS, _TESTS_PER_MINUTE)

    async def start(self) -> None:
        """Begin."""
        self._tasks.loop("looking for what there is to tell", self._look_on)
        self._tasks.loop("sending notifications", self._send_on)

    async def stop(self) -> None:
        """End; what was not sent is sent after the next start."""
        await self._tasks.stop()

    def pace_test(self, tenant: str, channel: int) -> None:
        """Count a message that tries a channel. Raises TooManyTestsError."""
        if not self._tests.take((tenant, channel)):
            raise TooManyTestsError

    def hurry(self) -> None:
        """There is something to send."""
        self._due.set()

    async def look(self) -> None:
        """Look at every tenant's world once."""
        for tenant in await self._database.tenants():
            try:
                if await self._look_at(tenant):
                    self._due.set()
                    if self._live is not None:
                        self._live.publish(tenant, LiveChange("notification", ""))
            except DatabaseAwayError as error:
                log.info("notifications wait for the database: %s", error.reason)
                return
            except Exception as error:  # noqa: BLE001  # one tenant's trouble is none of the others'
                self._tasks.defects.note("looking for what there is to tell", error)

    async def send(self) -> None:
        """Make messages of what is due, and try those whose time it is; returns when all were.

        The first time also what was on its way when the hub ended.
        """
        tenants = await self._database.tenants()
        await asyncio.gather(*(self.send_of(tenant) for tenant in tenants))
        await self._forget()

    async def send_of(self, tenant: str) -> None:
        """As `send`, for one tenant."""
        await self._resume()
        async with self._sending[tenant]:
            for _ in range(_PASSES):
                if not await self._send_of(tenant):
                    return

    async def _resume(self) -> None:
        async with self._resuming:
            if self._resumed:
                return
            now = self._clock()
            for tenant in await self._database.tenants():
                await Outbox(self._database.of(tenant)).resume(now)
            self._resumed = True

    async def _look_at(self, tenant: str) -> int:
        database = self._database.of(tenant)
        repository, alerts = RuleRepository(database), AlertRepository(database)
        rules = [rule for rule in await repository.rules() if rule.enabled]
        if not rules and not await alerts.any_open():
            return 0
        channels = {channel.id: channel for channel in await repository.channels()}
        around = await self._around(tenant)
        changed = await self.trouble.look(channels, around)
        changed += await alerts.end_lost(channels, around)
        if not rules:
            return changed
        around = replace(
            around, replaced=await alerts.follow_replaced(),
            tells_tunnels=any(rule.kind is RuleKind.TUNNEL for rule in rules),
        )  # fmt: skip
        known = await alerts.known(around.now)
        for kind, source in self._sources.items():
            of_kind = [rule for rule in rules if rule.kind is kind]
            if not of_kind:
                continue
            try:
                found = await source.look(around, of_kind, known)
            except DatabaseAwayError:
                raise
            except Exception as error:  # noqa: BLE001  # one kind's trouble is none of the others'
                self._tasks.defects.note(f"looking for {kind} notifications", error)
                continue
            for one in found:
                one.begun = [finding for finding in one.begun if around.holds(one.rule, finding)]
                if one.begun or one.ended:
                    before = known.get(one.rule.id, {})
                    changed += await alerts.record(one, before, channels, around)
        return changed + await alerts.escalate(rules, channels, around)

    async def end_all_of(
        self, tenant: str, rule: Rule, what: str, then: Callable[[RuleWriter], Awaitable[T]]
    ) -> T:
        """A rule was `what` ("changed", "removed"): who was told of something hears why it ends.

        `then` writes the change in the same transaction: where it raises nothing has ended. What it
        returns.
        """
        database = self._database.of(tenant)
        channels = {one.id: one for one in await RuleRepository(database).channels()}
        around = await self._around(tenant)
        written = await AlertRepository(database).end_all_of(
            rule, f"its rule was {what}", channels, around, then
        )
        self.hurry()
        return written

    async def _around(self, tenant: str) -> Around:
        async with self._database.of(tenant).transaction() as conn:
            rows = await (await conn.execute(_QUERIES["places"])).fetchall()
        now = self._clock()
        outages = [] if self._outages is None else self._outages.all()
        return Around(
            tenant,
            now,
            await self._zones.of(tenant),
            {place: parent for place, parent, _ in rows},
            {place: name for place, _, name in rows},
            self._outages is not None and self._outages.broker_away_since is not None,
            merged((one for one in outages if (one.end or now) > now - _AWAY), now),
        )

    async def _send_of(self, tenant: str) -> bool:
        """Send some of a tenant's; whether there may be more."""
        outbox, now = Outbox(self._database.of(tenant)), self._clock()
        await self._compose(tenant, outbox, now)
        claimed = {one.message.id: one for one in await outbox.claim(now)}
        if not claimed:
            return False
        messages = [one.message for one in claimed.values()]
        for delivered in await self._delivery.send(messages, tenant):
            tried = await outbox.note(delivered, claimed[delivered.id], self._clock())
            if tried is not None:
                log.warning("a notification was not taken: %s", delivered.error)
                around, database = await self._around(tenant), self._database.of(tenant)
                channels = {one.id: one for one in await RuleRepository(database).channels()}
                await self.trouble.failed(tried, channels, around)
        if self._live is not None:
            self._live.publish(tenant, LiveChange("notification", ""))
        return True

    async def _compose(self, tenant: str, outbox: Outbox, now: datetime) -> None:
        await outbox.follow_clock(now)
        next_at = await outbox.next_at()
        if next_at is None or next_at > now:
            return
        around = await self._around(tenant)
        rules = await RuleRepository(self._database.of(tenant)).rules()
        names = {rule.id: rule.name for rule in rules}
        await outbox.compose(now, partial(_composed, names, around))

    async def _forget(self) -> None:
        now = self._clock()
        if self._forgot_at is not None and timedelta() <= now - self._forgot_at < _FORGET:
            return
        self._forgot_at = now
        for tenant in await self._database.tenants():
            alerts = AlertRepository(self._database.of(tenant))
            await alerts.forget_before(now - _KEEP)
            await alerts.forget_removed()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(self.LOOK_S)
            await self.look()

    async def _send_on(self) -> None:
        looked_at = -math.inf
        now = asyncio.get_running_loop().time
        while True:
            self._due.clear()
            pause = self.SEND_S
            everybody = now() - looked_at >= self.SEND_S
            try:
                pause = await self._begin_turns(everybody=everybody)
                await self._forget()
            except DatabaseAwayError as error:
                log.info("notifications wait for the database: %s", error.reason)
            else:
                looked_at = now() if everybody else looked_at
            try:
                async with asyncio.timeout(pause):
                    await self._due.wait()
            except TimeoutError:
                pass

    async def _begin_turns(self, *, everybody: bool) -> float:
        """Begin to send each tenant's that is due; seconds until something else is, or may be."""
        pause = self.SEND_S
        for tenant in await self._database.tenants():
            if tenant in self._turns:
                continue  # its end is told
            at = await Outbox(self._database.of(tenant)).next_at()
            wait = self.SEND_S if at is None else (at - self._clock()).total_seconds()
            if everybody or wait <= 0:
                self._turns.add(tenant)
                self._tasks.spawn("sending a tenant's notifications", self._turn(tenant))
            else:
                pause = min(pause, wait)
        return pause

    async def _turn(self, tenant: str) -> None:
        try:
            await self.send_of(tenant)
            await asyncio.sleep(self.TURN_S)
        except DatabaseAwayError as error:
            log.info("notifications wait for the database: %s", error.reason)
            await asyncio.sleep(self.SEND_S)
        finally:
            self._turns.discard(tenant)
            self._due.set()


def _composed(
    names: Mapping[int, str], around: Around, said: Sequence[tuple[Told, Alert]]
) -> Composed:
    return composed(said, names, around.common, around.now)
