"""What is wrong with a standby that is read from."""

from __future__ import annotations

from hub.database.errors import DatabaseAwayError, DatabaseError

__all__ = ["ReplicaAwayError", "ReplicaUnfitError"]


class ReplicaAwayError(DatabaseAwayError):
    """The standby did not answer; the same asked again is asked of the primary."""


class ReplicaUnfitError(DatabaseError):
    """DORMOUSE_DATABASE_READ_URL leads to what cannot be read from; `why` says to what."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"DORMOUSE_DATABASE_READ_URL {why}")
