"""The hub's backups in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from contracts.show import count
from contracts.zones import zoned
from hub.backups.model import BackupTrouble
from hub.backups.service import BackupService

__all__ = ["backup_lines"]


def backup_lines(backups: BackupService, zone: ZoneInfo) -> Iterator[str]:
    """When the last good one was, what failed, whether one could be restored, when the next is.

    Where they are taken and why they fail is the hub's business, not every tenant's: that is told
    by `dormouse hub backups`.
    """
    state = backups.state
    if not backups.by_itself:
        yield "The hub makes none by itself."
        return
    if state.last_good is None:
        yield "There is none yet."
    else:
        size = f"{state.last_good.size / 1e6:.1f} MB"
        yield f"The last good one was made at {zoned(state.last_good.at, zone)} ({size})."
    if state.failure is not None:
        times, since = count(state.failure.times, "try", "tries"), zoned(state.failure.since, zone)
        yield f"{times} failed since {since}: `dormouse hub backups` on the hub's machine says why."
    elif backups.trouble is BackupTrouble.LATE:
        yield "No other was made since: was the hub or its clock stopped?"
    if state.drill is not None:
        tried = zoned(state.drill.at, zone)
        if state.drill.passed:
            rows = count(state.drill.rows, "row")
            yield f"One was restored beside and compared at {tried}: its {rows} are whole."
        else:
            yield f"One could not be restored at {tried}: `dormouse hub backups` says why."
    if backups.next_at is not None:
        yield f"The next one is made at {zoned(backups.next_at, zone)}."
