"""Why a batch of readings was not stored, when it is not the database that is away."""

from __future__ import annotations

from hub.errors import HubError

__all__ = ["NoPartitionError", "ReadingRefusedError", "UnknownNumberError"]


class ReadingRefusedError(HubError):
    """A reading that the database will never take: no repetition cures it."""


class NoPartitionError(HubError):
    """There is no partition yet for the month of a reading."""


class UnknownNumberError(HubError):
    """The database does not know a series, device or tenant by the number it had before."""
