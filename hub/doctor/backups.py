"""What the doctor says of the hub's backups."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from hub.backups.model import BackupTrouble
from hub.backups.service import BackupService
from hub.doctor.finding import DoctorFinding, Verdict

__all__ = ["examine_backups"]


def examine_backups(backups: BackupService) -> Iterator[DoctorFinding]:
    """When the last good one was, why the last failed, and whether one could be restored."""
    what, state = "the database is backed up", backups.state
    if not backups.by_itself:
        yield DoctorFinding(what, Verdict.NOTE, f"not by this hub: left to {_whose(backups)}")
        return
    good = state.last_good
    last = "there is none yet" if good is None else f"the last good one is of {_local(good.at)}"
    if state.failure is not None:
        failure = state.failure
        yield DoctorFinding(
            what,
            Verdict.BAD,
            f"{last}; {failure.times} failed since {_local(failure.since)}: {failure.reason}",
        )
    elif backups.trouble is BackupTrouble.LATE:
        yield DoctorFinding(what, Verdict.BAD, f"{last}: was the hub or its clock stopped?")
    else:
        yield DoctorFinding(what, Verdict.GOOD, f"{last}, at {backups.where}")
    if state.waiting and state.failure is not None:
        yield DoctorFinding(
            "backups are where they belong",
            Verdict.NOTE,
            f"{len(state.waiting)} wait in the data folder until {backups.where} can be reached",
        )
    if state.drill is not None:
        drill = state.drill
        yield DoctorFinding(
            "a backup could be restored",
            Verdict.GOOD if drill.passed else Verdict.BAD,
            f"tried {_local(drill.at)}: {drill.reason or f'{drill.name}, {drill.rows} rows'}",
        )


def _whose(backups: BackupService) -> str:
    return "`dormouse hub backup FILE`" if backups.ours else backups.where


def _local(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"
