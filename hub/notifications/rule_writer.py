"""Writes rules within somebody's transaction: what changes together is kept together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from psycopg.types.json import Jsonb

from hub.database.database import Connection
from hub.database.errors import DuplicateNameError
from hub.database.queries import Queries, Query
from hub.database.refusals import typed
from hub.notifications.errors import NameTakenError, TooManyError
from hub.notifications.model import Rule

__all__ = ["RuleWriter", "number_of", "refuse_more"]

_QUERIES = Queries.of("hub.notifications")
# Of a person, and of everybody's: a list that people read, and that is looked at all the time.
_MOST_RULES = 100


class RuleWriter:
    """Writes within one transaction, which ends as if nothing were written where it raises."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def add(self, rule: Rule) -> int:
        """Keep one; its number. Raises NameTakenError, TooManyError, ForeignRowError."""
        facts = {
            **_facts(rule), "owner": rule.person, "kind": rule.kind, "place": rule.place,
            "device": rule.device, "by": rule.made_by, "at": rule.created_at,
        }  # fmt: skip
        with _named(rule):
            await refuse_more(self._conn, "count_rules", rule.person, _MOST_RULES)
            number = await number_of(self._conn, _QUERIES["add_rule"], facts)
            await self._add_channels(number, rule)
        return number

    async def change(self, rule: Rule) -> None:
        """Name, options, urgency, whom it tells, whether it is on. Raises NameTakenError."""
        with _named(rule):
            await self._conn.execute(_QUERIES["change_rule"], {**_facts(rule), "rule": rule.id})
            await self._conn.execute(_QUERIES["remove_rule_channels"], [rule.id])
            await self._add_channels(rule.id, rule)

    async def remove(self, number: int) -> None:
        """Forget it; what it told stays in the inbox."""
        await self._conn.execute(_QUERIES["remove_rule"], [number])

    async def replace(self, number: int, rule: Rule) -> int:
        """Another one takes its place: the new one's number. Raises what `add` raises."""
        await self.remove(number)
        return await self.add(rule)

    async def _add_channels(self, number: int, rule: Rule) -> None:
        for channels, escalated in ((rule.channels, False), (rule.escalate, True)):
            facts = [number, list(channels), escalated]
            await self._conn.execute(_QUERIES["add_rule_channels"], facts)


def _facts(rule: Rule) -> dict[str, object]:
    return {
        "name": rule.name, "urgent": rule.urgent, "enabled": rule.enabled,
        "options": Jsonb(rule.options.model_dump(mode="json", exclude_defaults=True)),
        "escalate_after_s": rule.escalate_after_s,
    }  # fmt: skip


@contextmanager
def _named(rule: Rule) -> Iterator[None]:
    try:
        with typed():
            yield
    except DuplicateNameError:
        raise NameTakenError("rule", rule.name) from None


async def refuse_more(conn: Connection, count: str, owner: int | None, most: int) -> None:
    """Raise TooManyError where an owner has so many; until the transaction ends nobody adds one."""
    await conn.execute(_QUERIES["hold"])
    row = await (await conn.execute(_QUERIES[count], {"owner": owner})).fetchone()
    if row is None or row[0] >= most:
        raise TooManyError


async def number_of(conn: Connection, query: Query, facts: Mapping[str, object]) -> int:
    """The number that a statement of one row returns."""
    row = await (await conn.execute(query, facts)).fetchone()
    assert row is not None  # noqa: S101  # RETURNING of one row
    number: int = row[0]
    return number
