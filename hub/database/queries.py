"""A room's SQL by name, from the file `queries.sql` in its package.

A line `-- name --` begins a query, as in procrastinate's; comment and SQL up to the next such line
belong to it:

    -- device_names --
    -- Those that nobody named are left out.
    SELECT key, name FROM dormouse.device WHERE name IS NOT NULL;

Placeholders are the driver's (`%s`, `%(name)s`). A query that is made of parts has `{part}`, and
is put together by `fragment.format(part=...)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from psycopg import sql

from hub.database.errors import QueryFileError

__all__ = ["Queries", "Query"]

Query = sql.SQL
"""What the driver executes; with parts in braces, what `format` makes a query of."""

_FILE = "queries.sql"
_HEADER = re.compile(r"^-- ([a-z][a-z0-9_]*) --$", re.MULTILINE)


class Queries:
    """The named queries of one package; `queries["name"]` is what the driver executes."""

    def __init__(self, package: str, text: str) -> None:
        self.package = package
        self._queries = _parsed(package, text)

    @classmethod
    @cache
    def of(cls, package: str) -> Queries:
        """The queries of a package, read once. Raises QueryFileError for a file that is none."""
        try:
            text = files(package).joinpath(_FILE).read_text("utf-8")
        except OSError as error:
            raise QueryFileError(package, str(error)) from None
        return cls(package, text)

    def __getitem__(self, name: str) -> Query:
        try:
            return self._queries[name]
        except KeyError:
            raise QueryFileError(self.package, f"no query {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._queries)


def _parsed(package: str, text: str) -> dict[str, Query]:
    before, *parts = _HEADER.split(text)
    if re.sub(r"^--.*$", "", before, flags=re.MULTILINE).strip():
        raise QueryFileError(package, "SQL before the first `-- name --`")
    queries: dict[str, Query] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        query = _bare(body)
        if name in queries:
            raise QueryFileError(package, f"two queries are called {name!r}")
        if not query:
            raise QueryFileError(package, f"query {name!r} is empty")
        queries[name] = Query(query)
    return queries


def _bare(body: str) -> str:
    """A query without comments, whose per cent signs the driver would take for placeholders."""
    lines = [line for line in body.splitlines() if not line.lstrip().startswith("--")]
    return "\n".join(lines).strip().removesuffix(";")
