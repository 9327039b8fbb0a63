"""Which instants a dry run has come across: on disk, for a file has more than memory holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

from contracts.reading import SeriesKey, Value
from hub.errors import HubError

__all__ = ["NoRoomError", "SeenRows"]

_CACHE_KIB = 8192  # what is beyond lies in a file of SQLite's own, 40 % of what was read
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class NoRoomError(HubError):
    """There is no room on disk to look for repeats in so large a file.

    Make room in /var/tmp (SQLITE_TMPDIR names another folder), or import without a dry run.
    """

    http_status = 507


class SeenRows:
    """The rows that would be stored so far, until the end of `with`; one thread at a time."""

    def __init__(self) -> None:
        self._series: dict[SeriesKey, int] = {}
        self._newest: dict[int, int] = {}
        # The empty name: a database in memory that goes to a file, without a name, where it grows.
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIB}"):
            self._rows.execute(f"PRAGMA {pragma}")
        self._rows.execute(
            "CREATE TABLE seen (series INTEGER, at INTEGER, value, PRIMARY KEY (series, at)) "
            "WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    def repeats(
        self, keys: Sequence[SeriesKey], ats: Sequence[datetime], values: Sequence[Value]
    ) -> dict[int, Literal["there", "other"]]:
        """Of rows, no two of one instant of a series, those that came before: with which value.

        The others are remembered. Raises NoRoomError.
        """
        try:
            return self._repeats(keys, ats, values)
        except sqlite3.OperationalError as error:
            raise NoRoomError from error

    def _repeats(
        self, keys: Sequence[SeriesKey], ats: Sequence[datetime], values: Sequence[Value]
    ) -> dict[int, Literal["there", "other"]]:
        found: dict[int, Literal["there", "other"]] = {}
        new: list[tuple[int, int, float | str]] = []
        # Files are in the order of time nearly always: what is newer than all came never before.
        newest = dict(self._newest)
        for n, (key, at, value) in enumerate(zip(keys, ats, values, strict=True)):
            series = self._series.setdefault(key, len(self._series))
            instant = (at - _EPOCH) // _MICROSECOND
            kept = value if isinstance(value, str) else float(value)
            before = None
            if instant <= self._newest.get(series, instant - 1):
                before = self._rows.execute(
                    "SELECT value FROM seen WHERE series = ? AND at = ?", (series, instant)
                ).fetchone()
            if before is not None:
                found[n] = "there" if before[0] == kept else "other"
                continue
            new.append((series, instant, kept))
            newest[series] = max(instant, newest.get(series, instant))
        with self._rows:
            self._rows.execute("BEGIN")
            self._rows.executemany("INSERT INTO seen VALUES (?, ?, ?)", new)
        self._newest = newest
        return found
