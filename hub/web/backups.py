"""The hub's backups in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from contracts.zones import zoned
from hub.backups.model import BackupTrouble
from hub.backups.service import BackupService
from hub.language.words import _, ngettext

__all__ = ["backup_lines"]


def backup_lines(backups: BackupService, zone: ZoneInfo) -> Iterator[str]:
    """When the last good one was, what failed, whether one could be restored, when the next is.

    Where they are taken and why they fail is the hub's business, not every tenant's: that is told
    by `dormouse hub backups`.
    """
    state = backups.state
    if not backups.by_itself:
        yield _("The hub makes none by itself.")
        return
    if state.last_good is None:
        yield _("There is none yet.")
    else:
        size = f"{state.last_good.size / 1e6:.1f} MB"
        yield _(
            "The last good one was made at {at} ({size}).",
            at=zoned(state.last_good.at, zone),
            size=size,
        )
    if state.failure is not None:
        times, since = (
            ngettext("{n} try", "{n} tries", state.failure.times),
            zoned(state.failure.since, zone),
        )
        yield _(
            "{times} failed since {since}: `dormouse hub backups` on the hub's machine says why.",
            times=times,
            since=since,
        )
    elif backups.trouble is BackupTrouble.LATE:
        yield _("No other was made since: was the hub or its clock stopped?")
    if state.drill is not None:
        tried = zoned(state.drill.at, zone)
        if state.drill.passed:
            rows = ngettext("{n} row", "{n} rows", state.drill.rows)
            yield _(
                "One was restored beside and compared at {tried}: its {rows} are whole.",
                tried=tried,
                rows=rows,
            )
        else:
            yield _(
                "One could not be restored at {tried}: `dormouse hub backups` says why.",
                tried=tried,
            )
    if backups.next_at is not None:
        yield _("The next one is made at {next_at}.", next_at=zoned(backups.next_at, zone))
