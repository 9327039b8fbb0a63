"""What saved searches refuse."""

from __future__ import annotations

from hub.errors import HubError

__all__ = [
    "SearchNameTakenError",
    "SearchNotSharedError",
    "SearchUnknownError",
    "SharedSearchError",
    "TooManySearchesError",
]


class SearchUnknownError(HubError):
    """There is no such saved search, or it is another person's."""

    http_status = 404
    exit_status = 2

    def __init__(self, which: str) -> None:
        self.which = which
        super().__init__(f"no saved search {which}: /api/searches lists them")


class SearchNameTakenError(HubError):
    """A saved search of that name is there already."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"a saved search {name!r} is there already: remove it, or take another")


class TooManySearchesError(HubError):
    """100 searches are saved already: remove those that are not used any more."""


class SharedSearchError(HubError):
    """A search of everybody's is saved and removed by who may change things."""

    http_status = 403

    def __init__(self, name: str, tenant: str) -> None:
        self.name, self.tenant = name, tenant
        super().__init__(
            f"{name} may not change what is everybody's in {tenant}: it takes the scope write"
        )


class SearchNotSharedError(HubError):
    """Only a person has searches of their own: save it for everybody (`shared`)."""

    http_status = 422
