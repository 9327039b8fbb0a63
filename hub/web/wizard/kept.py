"""Where people are in wizards, in the database: one row a person and wizard of a tenant."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from hub.database.database import Store
from hub.database.refusals import typed
from hub.errors import HubError
from hub.web.wizard.machine import Progress

__all__ = ["Kept", "MovedOnError", "Wizards"]


class MovedOnError(HubError):
    """You went on with this in another window or browser since; this page shows the newest state now."""  # noqa: E501  # the docstring is the message


@dataclass(frozen=True, slots=True)
class Kept:
    """A progress as it was kept; `changed_at` (the database's clock) tells one from another."""

    progress: Progress = field(default_factory=Progress)
    changed_at: datetime | None = None


# Nothing is written where the row is not the one that was loaded, or not there any more.
_SAVE = """
INSERT INTO dormouse.wizard AS w (person, wizard, answers, at_step)
SELECT %(person)s, %(wizard)s, %(answers)s, %(at)s
WHERE %(since)s::timestamptz IS NULL
   OR EXISTS (SELECT FROM dormouse.wizard WHERE person = %(person)s AND wizard = %(wizard)s)
ON CONFLICT (tenant_id, person, wizard) DO UPDATE
SET answers = excluded.answers, at_step = excluded.at_step,
    changed_at = greatest(clock_timestamp(), w.changed_at + interval '1 microsecond')
WHERE w.changed_at = %(since)s
RETURNING changed_at"""


class Wizards:
    """The wizards of one person of one tenant. Nothing but `reset` ever clears one."""

    def __init__(self, store: Store, tenant: str, person: str) -> None:
        self._store = store
        self._tenant = tenant
        self._person = person

    async def load(self, wizard: str) -> Kept:
        """Where the person is; at the beginning when nothing was kept."""
        async with self._store.tenant(self._tenant) as conn:
            found = await conn.execute(
                """SELECT answers, at_step, changed_at FROM dormouse.wizard
                   WHERE person = %s AND wizard = %s""",
                [self._person, wizard],
            )
            row = await found.fetchone()
        return Kept(Progress(row[0], row[1]), row[2]) if row else Kept()

    async def save(self, wizard: str, kept: Kept, progress: Progress) -> Kept:
        """Keep a progress made from `kept`; it is durable when this returns.

        Raises MovedOnError when another one was kept since, which stays; StoreError for what the
        database cannot keep.
        """
        with typed():
            row = await self._save(wizard, kept, progress)
        if row is None:
            raise MovedOnError
        return Kept(progress, row[0])

    async def _save(self, wizard: str, kept: Kept, progress: Progress) -> TupleRow | None:
        async with self._store.tenant(self._tenant) as conn:
            saved = await conn.execute(
                _SAVE,
                {
                    "person": self._person,
                    "wizard": wizard,
                    "answers": Jsonb({key: dict(a) for key, a in progress.answers.items()}),
                    "at": progress.at,
                    "since": kept.changed_at,
                },
            )
            return await saved.fetchone()

    async def reset(self, wizard: str) -> None:
        """Forget it; the next load is at the beginning."""
        async with self._store.tenant(self._tenant) as conn:
            await conn.execute(
                "DELETE FROM dormouse.wizard WHERE person = %s AND wizard = %s",
                [self._person, wizard],
            )
