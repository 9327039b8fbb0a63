"""Messages on their way: made of what is due, tried until they are taken or given up."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from hub.database.database import TenantDatabase
from hub.database.queries import Queries
from hub.notifications.alerts import alert_of
from hub.notifications.compose import Composed
from hub.notifications.delivery import Delivered, OutgoingNotice
from hub.notifications.model import Alert, Told

__all__ = ["ClaimedMessage", "FailedTry", "Outbox", "SentMessage", "pause_after"]

_QUERIES = Queries.of("hub.notifications")

# s: after each failure; the last is repeated until a day is over, or where the hub did not run for
# that day until each was waited for once.
_PAUSES = (30, 60, 120, 300, 900, 1800, 3600)
_GIVEN_UP_AFTER = timedelta(days=1)
# A claimed message that nobody reported on is tried again: the hub ended meanwhile.
_CLAIM = timedelta(minutes=10)
_AT_ONCE = 20
# What is due so soon comes along with what is due now, of the same rule.
_SOON = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class FailedTry:
    """A channel that did not take a message, whose it is (None: everybody's), and which try it was.

    `given_up`: it was the last.
    """

    channel: int
    name: str
    person: int | None
    title: str
    error: str
    attempts: int
    given_up: bool


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message to be tried now, which try that is, and when it was made."""

    message: OutgoingNotice
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message as people see it; `next_at` None: it was sent, or given up (`dead_at`)."""

    id: int
    channel: int
    title: str
    body: str
    created_at: datetime
    next_at: datetime | None
    attempts: int
    sent_at: datetime | None
    dead_at: datetime | None
    error: str


def pause_after(attempts: int, age: timedelta) -> timedelta | None:
    """How long to wait after so many tries in that time; None: it is given up, after a day."""
    if attempts > len(_PAUSES) and age >= _GIVEN_UP_AFTER:
        return None
    return timedelta(seconds=_PAUSES[min(attempts, len(_PAUSES)) - 1])


class Outbox:
    """The messages of one tenant."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def compose(
        self, now: datetime, say: Callable[[Sequence[tuple[Told, Alert]]], Composed]
    ) -> int:
        """Make a message for each channel of all that is due to it; how many were made."""
        async with self._database.transaction() as conn:
            due = await (await conn.execute(_QUERIES["due_channels"], [now])).fetchall()
        made = 0
        for (channel,) in due:
            made += await self._compose(channel, now, say)
        return made

    async def _compose(
        self, channel: int, now: datetime, say: Callable[[Sequence[tuple[Told, Alert]]], Composed]
    ) -> int:
        facts = {"channel": channel, "now": now, "soon": now + _SOON}
        async with self._database.transaction() as conn:
            # Another worker that composes for it waits, and finds nothing left.
            held = await (await conn.execute(_QUERIES["hold_channel"], [channel])).fetchone()
            if held is None:
                return 0
            async with conn.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_QUERIES["due_of_channel"], facts)
                rows = await cursor.fetchall()
            said = [(Told(row.pop("what")), alert_of(row)) for row in rows]
            if not said:
                return 0
            number = await _add(conn, channel, say(said), now)
            await conn.execute(
                _QUERIES["said_by"],
                {
                    "message": number, "channel": channel,
                    "alerts": [alert.id for _, alert in said],
                    "whats": [told.value for told, _ in said],
                },
            )  # fmt: skip
        return 1

    async def add(self, channel: int, message: Composed, now: datetime) -> int:
        """A message that no alert is behind: a test; its number."""
        async with self._database.transaction() as conn:
            return await _add(conn, channel, message, now)

    async def claim(self, now: datetime) -> list[ClaimedMessage]:
        """Messages to be tried now, in the order in which they were made."""
        facts = {"now": now, "again": now + _CLAIM, "limit": _AT_ONCE}
        async with (
            self._database.transaction() as conn,
            conn.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(_QUERIES["try_held"], facts)
            await cursor.execute(_QUERIES["claim_messages"], facts)
            rows = await cursor.fetchall()
        claimed = []
        for row in sorted(rows, key=lambda row: row["id"]):
            attempts, created = row.pop("attempts"), row.pop("created_at")
            row.pop("channel_id")
            claimed.append(ClaimedMessage(OutgoingNotice(**row), attempts, created))
        return claimed

    async def note(
        self, delivered: Delivered, tried: ClaimedMessage, now: datetime
    ) -> FailedTry | None:
        """What became of a try; the channel, where it failed."""
        message = tried.message
        async with self._database.transaction() as conn:
            if not delivered.error:
                await conn.execute(_QUERIES["message_sent"], {"message": message.id, "now": now})
                return None
            pause = pause_after(tried.attempts, now - tried.created_at)
            pause = None if delivered.gone else pause
            facts = {
                "message": message.id, "now": now, "error": delivered.error,
                "next": None if pause is None else now + pause,
            }  # fmt: skip
            row = await (await conn.execute(_QUERIES["message_failed"], facts)).fetchone()
        if row is None:
            return None
        channel, name, person = row
        return FailedTry(
            channel, name, person, message.title, delivered.error, tried.attempts, pause is None
        )

    async def beside(self, channel: int, person: int | None) -> list[int]:
        """Other channels of the same owner that work, as far as known."""
        facts = {"channel": channel, "person": person}
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["channels_beside"], facts)).fetchall()
        return [row[0] for row in rows]

    async def follow_clock(self, now: datetime) -> None:
        """What was dated by a clock that went ahead is due now."""
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["clock_was_set"], {"now": now})

    async def resume(self, now: datetime) -> None:
        """The hub begins: what was on its way when it ended is tried again."""
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["on_its_way"], {"now": now})

    async def messages(self, channels: Sequence[int], limit: int) -> list[SentMessage]:
        """What went, or did not go, to channels: the newest first."""
        facts: dict[str, Any] = {"channels": list(channels), "limit": limit}
        async with (
            self._database.transaction() as conn,
            conn.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(_QUERIES["messages"], facts)
            return [SentMessage(**row) for row in await cursor.fetchall()]

    async def next_at(self) -> datetime | None:
        """When there is something to be done; None: nothing waits."""
        async with self._database.transaction() as conn:
            row = await (await conn.execute(_QUERIES["next_due"])).fetchone()
        return row[0] if row else None


async def _add(conn: Any, channel: int, message: Composed, now: datetime) -> int:
    facts = {
        "channel": channel, "key": f"msg_{uuid.uuid4().hex}", "title": message.title,
        "body": message.body, "payload": Jsonb(message.payload), "now": now,
    }  # fmt: skip
    row = await (await conn.execute(_QUERIES["add_message"], facts)).fetchone()
    number: int = row[0]
    return number
