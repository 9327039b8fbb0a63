"""Saved searches in the database, behind their tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hub.database.database import TenantDatabase
from hub.database.errors import DuplicateNameError
from hub.database.queries import Queries
from hub.database.refusals import typed
from hub.searches.errors import SearchNameTakenError, SearchUnknownError, TooManySearchesError

__all__ = ["SavedSearch", "SearchRepository"]

_QUERIES = Queries.of("hub.searches")
# Of a person, and of all together: a list that people read.
_MOST = 100


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A jsonpath about devices under a name; `shared`: everybody's of the tenant."""

    id: int
    name: str
    path: str
    shared: bool
    made_by: str
    created_at: datetime


class SearchRepository:
    """The searches that one person sees of a tenant: their own and everybody's.

    `person` 0 is nobody: a program or an operator, who has none of their own.
    """

    def __init__(self, database: TenantDatabase, person: int) -> None:
        self._database, self._person = database, person

    async def all(self) -> list[SavedSearch]:
        """By name."""
        async with (
            self._database.transaction() as conn,
            conn.cursor(row_factory=class_row(SavedSearch)) as rows,
        ):
            await rows.execute(_QUERIES["searches"], {"person": self._person})
            return await rows.fetchall()

    async def named(self, name: str) -> SavedSearch:
        """One's own of that name, else everybody's. Raises SearchUnknownError."""
        return await self._one("find_search", {"name": name}, repr(name[:100]))

    async def numbered(self, number: int) -> SavedSearch:
        """By its number. Raises SearchUnknownError."""
        return await self._one("search_of_number", {"number": number}, str(number))

    async def _one(self, query: str, which: dict[str, object], said: str) -> SavedSearch:
        async with (
            self._database.transaction() as conn,
            conn.cursor(row_factory=class_row(SavedSearch)) as rows,
        ):
            await rows.execute(_QUERIES[query], {**which, "person": self._person})
            found = await rows.fetchone()
        if found is None:
            raise SearchUnknownError(said)
        return found

    async def save(self, name: str, path: str, by: str, *, shared: bool) -> SavedSearch:
        """Save a question; it was checked that it can be read.

        Raises SearchNameTakenError, TooManySearchesError.
        """
        owner = None if shared else self._person
        facts = {"owner": owner, "name": name, "path": path, "by": by}
        try:
            with typed():
                async with (
                    self._database.transaction() as conn,
                    conn.cursor(row_factory=class_row(SavedSearch)) as rows,
                ):
                    await conn.execute(_QUERIES["hold_searches"])
                    counted = await (
                        await conn.execute(_QUERIES["count_searches"], facts)
                    ).fetchone()
                    if counted is None or counted[0] >= _MOST:
                        raise TooManySearchesError
                    await rows.execute(_QUERIES["save_search"], facts)
                    [saved] = await rows.fetchall()
        except DuplicateNameError:
            raise SearchNameTakenError(name) from None
        return saved

    async def remove(self, number: int) -> None:
        """Forget it; that it is there and may be removed was checked."""
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["remove_search"], {"number": number})
