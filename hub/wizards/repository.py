"""Where people are in wizards, in the database: a row for each draft of a person of a tenant."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from hub.database.database import TenantDatabase
from hub.database.errors import DuplicateNameError
from hub.database.queries import Queries
from hub.database.refusals import typed
from hub.errors import HubError
from hub.wizards.machine import WizardProgress

__all__ = [
    "DraftNameError",
    "DraftTakenError",
    "DraftUnknownError",
    "MovedOnError",
    "SavedProgress",
    "TooManyDraftsError",
    "WizardDraft",
    "WizardRepository",
]

_QUERIES = Queries.of("hub.wizards")

_MOST = 20  # drafts of a wizard and person: a list to choose from
_LONGEST_NAME = 100  # characters


class MovedOnError(HubError):
    """You went on with this in another window or browser since; this page shows the newest state now."""  # noqa: E501  # the docstring is the message


class DraftNameError(HubError):
    """A draft's name has 1 to 100 characters that can be printed."""

    http_status = 422


class DraftTakenError(HubError):
    """A draft of that name is there already."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"a draft {name!r} is there already: take another name")


class DraftUnknownError(HubError):
    """Nothing is saved of this draft: answer its first step."""

    http_status = 404


class TooManyDraftsError(HubError):
    """There are 20 drafts already: remove one, or continue it."""


@dataclass(frozen=True, slots=True)
class WizardDraft:
    """A draft in the list of them: `name` `""` is the one that nobody named.

    `answered` is how many steps have an answer.
    """

    name: str
    changed_at: datetime
    answered: int


@dataclass(frozen=True, slots=True)
class SavedProgress:
    """A progress as it was kept; `changed_at` (the database's clock) tells one from another."""

    progress: WizardProgress = field(default_factory=WizardProgress)
    changed_at: datetime | None = None


class WizardRepository:
    """The wizards of one person of one tenant. Nothing but `reset` ever clears one.

    A wizard has a draft without a name (`""`), and others under names.
    """

    def __init__(self, database: TenantDatabase, person: str) -> None:
        self._database = database
        self._person = person

    async def drafts(self, wizard: str) -> list[WizardDraft]:
        """The drafts of a wizard, the one that was changed last first."""
        facts = {"person": self._person, "wizard": wizard}
        async with (
            self._database.transaction() as conn,
            conn.cursor(row_factory=class_row(WizardDraft)) as rows,
        ):
            await rows.execute(_QUERIES["drafts"], facts)
            return await rows.fetchall()

    async def name(self, wizard: str, draft: str, name: str) -> str:
        """Give a draft another name, which is returned as it is kept.

        Raises DraftNameError, DraftTakenError, DraftUnknownError.
        """
        name = name.strip()
        if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
            raise DraftNameError
        facts = {"person": self._person, "wizard": wizard, "draft": draft, "name": name}
        try:
            with typed():
                async with self._database.transaction() as conn:
                    named = await conn.execute(_QUERIES["name_draft"], facts)
        except DuplicateNameError:
            raise DraftTakenError(name) from None
        if not named.rowcount:
            raise DraftUnknownError
        return name

    async def load(self, wizard: str, draft: str = "") -> SavedProgress:
        """Where the person is; at the beginning when nothing was kept."""
        async with self._database.transaction() as conn:
            cursor = await conn.execute(
                _QUERIES["progress"],
                [self._person, wizard, draft],
            )
            row = await cursor.fetchone()
        return SavedProgress(WizardProgress(row[0], row[1]), row[2]) if row else SavedProgress()

    async def save(
        self, wizard: str, saved: SavedProgress, progress: WizardProgress, draft: str = ""
    ) -> SavedProgress:
        """Keep a progress made from `saved`; it is durable when this returns.

        Raises MovedOnError when another one was kept since, which stays; TooManyDraftsError;
        DatabaseError for what the database cannot keep.
        """
        with typed():
            row = await self._save(wizard, saved, progress, draft)
        if row is None:
            raise MovedOnError
        return SavedProgress(progress, row[0])

    async def _save(
        self, wizard: str, saved: SavedProgress, progress: WizardProgress, draft: str
    ) -> TupleRow | None:
        facts = {
            "person": self._person,
            "wizard": wizard,
            "draft": draft,
            "answers": Jsonb({key: dict(a) for key, a in progress.answers.items()}),
            "at": progress.at,
            "since": saved.changed_at,
        }
        async with self._database.transaction() as conn:
            if saved.changed_at is None:
                others = await (await conn.execute(_QUERIES["other_drafts"], facts)).fetchone()
                if others is not None and others[0] >= _MOST:
                    raise TooManyDraftsError
            cursor = await conn.execute(_QUERIES["save_progress"], facts)
            return await cursor.fetchone()

    async def reset(self, wizard: str, draft: str = "") -> None:
        """Forget it; the next load is at the beginning."""
        async with self._database.transaction() as conn:
            await conn.execute(
                _QUERIES["reset_progress"],
                [self._person, wizard, draft],
            )
