"""Backups by their names, and what is remembered of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

__all__ = [
    "BackupName",
    "BackupOutcome",
    "BackupState",
    "BackupTrouble",
    "DrillResult",
    "Failure",
    "GoodBackup",
]

_NAME = re.compile(
    r"dormouse-(?P<hub>[0-9a-f]{8})-(?P<number>[0-9]{6})-(?P<at>[0-9]{8}T[0-9]{6}Z)\.backup"
    r"(?P<age>\.age)?"
)
_STAMP = "%Y%m%dT%H%M%SZ"
_LAST_NUMBER = 999_999
# Daily ones are a day apart, and a target may well be away for a night.
_LATE = timedelta(days=3)


@dataclass(frozen=True, slots=True, order=True)
class BackupName:
    """`dormouse-<hub>-<number>-<UTC>.backup`: whose, which, by that hub's clock when.

    Numbers alone say which is newer: clocks are set back. `encrypted` ones end in `.age`.
    """

    hub: str
    number: int
    at: datetime
    encrypted: bool = False

    def __str__(self) -> str:
        ending = ".age" if self.encrypted else ""
        return f"dormouse-{self.hub}-{self.number:06}-{self.at:{_STAMP}}.backup{ending}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None for what is no name of a backup."""
        match = _NAME.fullmatch(text)
        if match is None:
            return None
        try:
            at = datetime.strptime(match["at"], _STAMP).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(match["hub"], int(match["number"]), at, match["age"] is not None)

    @classmethod
    def next(cls, hub: str, number: int, at: datetime, *, encrypted: bool) -> Self:
        """The one after `number`."""
        return cls(hub, min(number + 1, _LAST_NUMBER), at.replace(microsecond=0), encrypted)


class _Remembered(BaseModel):
    model_config = ConfigDict(frozen=True)


class GoodBackup(_Remembered):
    """One that is where it belongs: its name, when it was made (by our clock), bytes, rows."""

    name: str
    at: AwareDatetime
    size: int = Field(ge=0)
    rows: int = Field(ge=0)


class Failure(_Remembered):
    """When the tries since the last good one began to fail, the last of them, how many, why."""

    since: AwareDatetime
    at: AwareDatetime
    times: int = 1
    reason: str


class DrillResult(_Remembered):
    """A backup that was restored beside, and compared: which, when, and why that failed.

    `rows` of all tables were read; 0 where it failed, and of a drill of an earlier version.
    """

    name: str
    at: AwareDatetime
    passed: bool
    reason: str = ""
    rows: int = 0


class BackupTrouble(StrEnum):
    """What is wrong with a hub's backups: the last could not be made, none came, none restores."""

    FAILED = "failed"
    LATE = "late"
    DRILL_FAILED = "drill-failed"


class BackupState(_Remembered):
    """What is remembered over restarts. `number` is the last that was given to a backup.

    `waiting` are names that are still to be taken to the target; `target` is where the last good
    one was taken. `since`: from when on there should be backups.
    """

    since: AwareDatetime | None = None
    number: int = 0
    target: str = ""
    last_good: GoodBackup | None = None
    failure: Failure | None = None
    drill: DrillResult | None = None
    waiting: list[str] = []

    def trouble(self, now: datetime) -> BackupTrouble | None:
        """The gravest; None while all is well, and before the first one is due."""
        if self.failure is not None:
            return BackupTrouble.FAILED
        last = self.last_good.at if self.last_good else self.since
        if last is not None and now - last > _LATE:
            return BackupTrouble.LATE
        if self.drill is not None and not self.drill.passed:
            return BackupTrouble.DRILL_FAILED
        return None


@dataclass(frozen=True, slots=True)
class BackupOutcome:
    """What a subscriber is told: a backup was made or tried, or that failed, and why."""

    what: str
    """`made`, `failed`, `drill-passed` or `drill-failed`."""
    at: datetime
    name: str = ""
    reason: str = ""
