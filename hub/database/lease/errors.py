"""Who else works on a database, and why that keeps a hub or a worker from it."""

from __future__ import annotations

from hub.database.errors import DatabaseError

__all__ = ["LeaseHeldError", "LeaseLostError", "PoolerError", "WorkersRunningError"]


class LeaseHeldError(DatabaseError):
    """Another hub works on the database; `holder` says which."""

    exit_status = 4

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(
            f"another hub works on this database: {holder}; end it first, or start this one with "
            "--standby true, and it takes over when the other ends"
        )


class LeaseLostError(DatabaseError):
    """Another worker may have this lease."""

    exit_status = 4

    def __init__(self, name: str) -> None:
        super().__init__(f"another worker may have the lease {name!r}")


class WorkersRunningError(DatabaseError):
    """Workers run on a schema that this one would change; `holder` is one of them."""

    exit_status = 4

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(
            "this version would upgrade the database, and workers of an earlier one run on it: "
            f"{holder}; end all of them first, then start this one"
        )


class PoolerError(DatabaseError):
    """A pooler, which keeps neither locks nor options for a session, and no server's own URL."""

    def __init__(self) -> None:
        super().__init__(
            "DORMOUSE_DATABASE_URL leads through a pooler such as PgBouncer, which keeps no lock "
            "for a session: name the server itself in DORMOUSE_DATABASE_DIRECT_URL as well"
        )
