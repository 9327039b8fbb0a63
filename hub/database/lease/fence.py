"""What is committed under a lease is committed while it is held, or not at all."""

from __future__ import annotations

from dataclasses import dataclass

from hub.database.database import Connection
from hub.database.queries import Queries

__all__ = ["Fence"]

_QUERIES = Queries.of("hub.database.lease")


@dataclass(frozen=True, slots=True)
class Fence:
    """Of the lease `name`, for its holder whose mark this is."""

    name: str
    mark: str

    async def close(self, conn: Connection) -> None:
        """Keep others from taking the lease over until this transaction has ended.

        The transaction fails as with a database that is away where another has it already.
        """
        await conn.execute(_QUERIES["fence"], [self.name, self.mark])
