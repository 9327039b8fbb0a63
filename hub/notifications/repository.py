"""Rules and channels in the database, behind their tenant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.rows import dict_row

from hub.database.database import TenantDatabase
from hub.database.errors import DuplicateNameError
from hub.database.queries import Queries
from hub.database.refusals import typed
from hub.notifications.errors import NameTakenError
from hub.notifications.hours import Hours
from hub.notifications.model import ChannelKind, NotifyChannel, Rule, RuleKind, RuleOptions
from hub.notifications.rule_writer import RuleWriter, number_of, refuse_more

__all__ = ["RuleRepository", "channel_of"]

_QUERIES = Queries.of("hub.notifications")
# Of a person, and of everybody's: a list that people read.
_MOST_CHANNELS = 20


class RuleRepository:
    """The rules and channels of one tenant.

    `person` sees their own and everybody's; 0: everybody's alone; None: all, for the hub itself.
    """

    def __init__(self, database: TenantDatabase, person: int | None = None) -> None:
        self._database, self._person = database, person

    async def channels(self) -> list[NotifyChannel]:
        """By name."""
        return [channel_of(row) for row in await self._rows("channels")]

    async def rules(self) -> list[Rule]:
        """By name."""
        return [_rule(row) for row in await self._rows("rules")]

    async def add_channel(
        self, channel: NotifyChannel, address: str, signing: str, owner: int | None
    ) -> int:
        """Keep one with its secrets; its number. Raises NameTakenError, TooManyError."""
        hours = channel.hours
        facts = {
            "owner": owner, "name": channel.name, "kind": channel.kind, "shown": channel.shown,
            "anywhere": channel.anywhere, "by": channel.made_by, **_hours(hours),
        }  # fmt: skip
        try:
            with typed():
                async with self._database.transaction() as conn:
                    await refuse_more(conn, "count_channels", owner, _MOST_CHANNELS)
                    number = await number_of(conn, _QUERIES["add_channel"], facts)
                    await conn.execute(_QUERIES["add_secret"], [number, address, signing])
        except DuplicateNameError:
            raise NameTakenError("channel", channel.name) from None
        return number

    async def set_hours(self, channel: int, hours: Hours) -> None:
        """When it may be used."""
        await self._do("set_hours", {"channel": channel, **_hours(hours)})

    async def remove_channel(self, channel: int) -> None:
        """Forget it, its secrets, and what was on its way to it."""
        await self._do("remove_channel", [channel])

    async def add_rule(self, rule: Rule) -> int:
        """Keep one; its number. Raises NameTakenError, TooManyError, ForeignRowError."""
        async with self._database.transaction() as conn:
            return await RuleWriter(conn).add(rule)

    async def change_rule(self, rule: Rule) -> None:
        """Name, options, urgency, whom it tells, whether it is on. Raises NameTakenError."""
        async with self._database.transaction() as conn:
            await RuleWriter(conn).change(rule)

    async def _do(self, query: str, facts: dict[str, object] | Sequence[object]) -> None:
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES[query], facts)

    async def _rows(self, query: str) -> list[dict[str, Any]]:
        async with (
            self._database.transaction() as conn,
            conn.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(_QUERIES[query], {"person": self._person})
            return await cursor.fetchall()


def channel_of(row: dict[str, Any]) -> NotifyChannel:
    """A channel from its row."""
    return NotifyChannel(
        id=row["id"],
        name=row["name"],
        kind=ChannelKind(row["kind"]),
        shown=row["shown"],
        anywhere=row["anywhere"],
        hours=Hours(row["quiet_from"], row["quiet_until"], row["quiet_weekends"], row["digest_at"]),
        person=row["person_id"],
        made_by=row["made_by"],
        sent_at=row["sent_at"],
        failed_at=row["failed_at"],
        error=row["error"],
    )


def _rule(row: dict[str, Any]) -> Rule:
    options = RuleOptions.model_validate(row.pop("options"))
    kind, channels = RuleKind(row.pop("kind")), tuple(row.pop("channels"))
    escalate = tuple(row.pop("escalate"))
    return Rule(kind=kind, options=options, channels=channels, escalate=escalate, **row)


def _hours(hours: Hours) -> dict[str, object]:
    return {
        "quiet_from": hours.quiet_from,
        "quiet_until": hours.quiet_until,
        "weekends": hours.weekends,
        "digest_at": hours.digest_at,
    }
