"""Where people are in wizards, in the database: one row a person and wizard of a tenant."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from hub.database.database import TenantDatabase
from hub.database.queries import Queries
from hub.database.refusals import typed
from hub.errors import HubError
from hub.wizards.machine import WizardProgress

__all__ = ["MovedOnError", "SavedProgress", "WizardRepository"]

_QUERIES = Queries.of("hub.wizards")


class MovedOnError(HubError):
    """You went on with this in another window or browser since; this page shows the newest state now."""  # noqa: E501  # the docstring is the message


@dataclass(frozen=True, slots=True)
class SavedProgress:
    """A progress as it was kept; `changed_at` (the database's clock) tells one from another."""

    progress: WizardProgress = field(default_factory=WizardProgress)
    changed_at: datetime | None = None


class WizardRepository:
    """The wizards of one person of one tenant. Nothing but `reset` ever clears one."""

    def __init__(self, database: TenantDatabase, person: str) -> None:
        self._database = database
        self._person = person

    async def load(self, wizard: str) -> SavedProgress:
        """Where the person is; at the beginning when nothing was kept."""
        async with self._database.transaction() as conn:
            cursor = await conn.execute(
                _QUERIES["progress"],
                [self._person, wizard],
            )
            row = await cursor.fetchone()
        return SavedProgress(WizardProgress(row[0], row[1]), row[2]) if row else SavedProgress()

    async def save(
        self, wizard: str, saved: SavedProgress, progress: WizardProgress
    ) -> SavedProgress:
        """Keep a progress made from `saved`; it is durable when this returns.

        Raises MovedOnError when another one was kept since, which stays; DatabaseError for what the
        database cannot keep.
        """
        with typed():
            row = await self._save(wizard, saved, progress)
        if row is None:
            raise MovedOnError
        return SavedProgress(progress, row[0])

    async def _save(
        self, wizard: str, saved: SavedProgress, progress: WizardProgress
    ) -> TupleRow | None:
        async with self._database.transaction() as conn:
            cursor = await conn.execute(
                _QUERIES["save_progress"],
                {
                    "person": self._person,
                    "wizard": wizard,
                    "answers": Jsonb({key: dict(a) for key, a in progress.answers.items()}),
                    "at": progress.at,
                    "since": saved.changed_at,
                },
            )
            return await cursor.fetchone()

    async def reset(self, wizard: str) -> None:
        """Forget it; the next load is at the beginning."""
        async with self._database.transaction() as conn:
            await conn.execute(
                _QUERIES["reset_progress"],
                [self._person, wizard],
            )
