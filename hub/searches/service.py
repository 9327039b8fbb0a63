"""What may be done with saved searches: by pages and by the API alike."""

from __future__ import annotations

from hub.api.access import may
from hub.api.principal import Principal
from hub.api.scope import Scope
from hub.database.database import Database
from hub.devices.documents import refuse_unreadable_path
from hub.searches.errors import SearchNotSharedError, SharedSearchError
from hub.searches.repository import SavedSearch, SearchRepository

__all__ = ["SearchService"]


class SearchService:
    """The saved searches of all tenants.

    Who may look has searches of their own; those of everybody are for who may change things.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def _of(self, who: Principal) -> SearchRepository:
        return SearchRepository(self._database.of(who.tenant), who.person)

    async def all(self, who: Principal) -> list[SavedSearch]:
        """One's own and everybody's of the tenant, by name."""
        return await self._of(who).all()

    async def path(self, who: Principal, name: str) -> str:
        """What a name stands for: one's own, else everybody's. Raises SearchUnknownError."""
        return (await self._of(who).named(name)).path

    async def save(self, who: Principal, name: str, path: str, *, shared: bool) -> SavedSearch:
        """Save a question under a name, 1 to 100 characters.

        Raises PathError for one that cannot be read, SharedSearchError for everybody's where
        one may not change things, SearchNotSharedError for a program's own, SearchNameTakenError,
        TooManySearchesError.
        """
        if shared:
            self._refuse_who_may_not(who)
        elif not who.person:
            raise SearchNotSharedError
        await refuse_unreadable_path(self._database.of(who.tenant), path)
        return await self._of(who).save(name, path, who.name, shared=shared)

    async def remove(self, who: Principal, number: int) -> SavedSearch:
        """Forget one: it as it was. Raises SearchUnknownError, SharedSearchError."""
        found = await self._of(who).numbered(number)
        if found.shared:
            self._refuse_who_may_not(who)
        await self._of(who).remove(number)
        return found

    @staticmethod
    def _refuse_who_may_not(who: Principal) -> None:
        if not may(who, Scope.WRITE):
            raise SharedSearchError(who.name, who.tenant)
