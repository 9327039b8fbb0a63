"""Channels that do not work: told once by those that do, and once more when they work again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.show import count
from hub.database.database import Database
from hub.database.queries import Queries
from hub.notifications.finding import Around, Finding, FindingEnd
from hub.notifications.model import Alert, NotifyChannel, Rule, RuleKind, RuleOptions
from hub.notifications.outbox import FailedTry, Outbox
from hub.notifications.telling import AlertWriter

__all__ = ["ChannelTrouble", "FailingChannel"]

_QUERIES = Queries.of("hub.notifications")

# By then it has been tried for about an hour.
_TOLD_AT_TRY = 7


@dataclass(frozen=True, slots=True)
class FailingChannel:
    """A channel that takes no messages; `own`: one person's."""

    tenant: str
    name: str
    since: datetime
    error: str
    own: bool


class ChannelTrouble:
    """Follows the channels of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._failing: dict[str, list[FailingChannel]] = {}

    def failing(self) -> list[FailingChannel]:
        """Those that were told of, of all tenants, as of the last look."""
        return [one for of_tenant in self._failing.values() for one in of_tenant]

    async def failed(
        self, tried: FailedTry, channels: Mapping[int, NotifyChannel], around: Around
    ) -> bool:
        """A channel did not take a message: whether that is to be told by now, for the first time.

        The inbox has it, and those channels of the same owner that work.
        """
        if not tried.given_up and tried.attempts < _TOLD_AT_TRY:
            return False
        database = self._database.of(around.tenant)
        beside = await Outbox(database).beside(tried.channel, tried.person)
        what = "a message was given up" if tried.given_up else "messages are tried for a day"
        finding = Finding(
            f"channel {tried.channel}", f"Channel {tried.name}",
            f"takes no messages: {tried.error}; {what}, first {tried.title!r}", around.now,
        )  # fmt: skip
        rule = _rule(tried.person, beside)
        async with database.transaction() as conn:
            return await AlertWriter(conn, channels, around).begin(rule, finding)

    async def look(self, channels: Mapping[int, NotifyChannel], around: Around) -> int:
        """Which work again, or are gone; how many."""
        database = self._database.of(around.tenant)
        async with database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["failing_channels"])).fetchall()
            writer, failing, ended = AlertWriter(conn, channels, around), [], 0
            for number, subject, person, since, name, error, fails, there in rows:
                if fails and there:
                    short = name.removeprefix("Channel ")
                    failing.append(
                        FailingChannel(around.tenant, short, since, error, person is not None)
                    )
                    continue
                ending = FindingEnd.of_unwatched(around.now, "the channel was removed")
                if there:
                    facts = {"channel": int(subject.removeprefix("channel ")), "since": since}
                    row = await (await conn.execute(_QUERIES["given_up_since"], facts)).fetchone()
                    lost = row[0] if row is not None else 0
                    given_up = f"; {count(lost, 'message was', 'messages were')} given up meanwhile"
                    ending = FindingEnd(around.now, f"works again{given_up if lost else ''}")
                alert = Alert(
                    number, None, RuleKind.CHANNEL, subject, None, None, name, "", False, since,
                    since, person=person,
                )  # fmt: skip
                ended += await writer.end(_rule(person), alert, ending)
        self._failing[around.tenant] = failing
        return ended


def _rule(person: int | None, channels: Sequence[int] = ()) -> Rule:
    """There are no rules of channels: everybody is told."""
    return Rule(0, "", RuleKind.CHANNEL, RuleOptions(), person=person, channels=tuple(channels))
