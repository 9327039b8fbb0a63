"""Where an update of the hub stands, as it is kept in files. Standard library alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

__all__ = ["INSTALLED", "UpdateOutcome", "UpdatePhase", "UpdateState", "WantedUpdate"]

INSTALLED = ""
"""The version that was installed on the machine, which every hub begins with."""


class UpdatePhase(StrEnum):
    """Where it stands."""

    SETTLED = "settled"
    TRIAL = "trial"  # the new version runs, and is watched
    REVERTING = "reverting"  # it was not healthy: the one before is put back


@dataclass(frozen=True, slots=True)
class WantedUpdate:
    """A version that the running hub asks to be replaced by.

    `version` names its folder, `release` what it says it is, `who` the run that asks. `schema` is
    the database's before it; `known_bad` are the doctor's findings of before.
    """

    version: str
    release: str
    who: str
    schema: str
    known_bad: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: dict[str, Any]) -> WantedUpdate:
        """From JSON. Raises KeyError, TypeError."""
        return cls(**{**found, "known_bad": tuple(found["known_bad"])})


@dataclass(frozen=True, slots=True)
class UpdateOutcome:
    """What came of the last update: `healthy`, or why not in one line.

    `since` are files with the readings that came while the database was of the new version, by
    tenant, which are still to be brought into the one that was put back; `kept` how many were.
    """

    who: str
    version: str
    release: str
    healthy: bool
    reason: str = ""
    since: dict[str, str] = field(default_factory=dict)
    kept: str = ""


@dataclass(frozen=True, slots=True)
class UpdateState:
    """Which version runs; `installed` is the release that the machine had at the last switch.

    During a trial `wanted` is what is tried and `previous` what is gone back to; `starts` counts
    how often it was begun.
    """

    running: str = INSTALLED
    installed: str = ""
    phase: UpdatePhase = UpdatePhase.SETTLED
    previous: str = INSTALLED
    wanted: WantedUpdate | None = None
    starts: int = 0
    reason: str = ""
    outcome: UpdateOutcome | None = None

    @classmethod
    def of(cls, found: dict[str, Any]) -> UpdateState:
        """From JSON. Raises KeyError, TypeError, ValueError."""
        wanted, outcome = found["wanted"], found["outcome"]
        return cls(
            **{
                **found,
                "phase": UpdatePhase(found["phase"]),
                "wanted": WantedUpdate.of(wanted) if wanted else None,
                "outcome": UpdateOutcome(**outcome) if outcome else None,
            }
        )

    def as_json(self) -> dict[str, Any]:
        """For `of`."""
        return asdict(self)

    def tried(self, wanted: WantedUpdate, installed: str) -> UpdateState:
        """A trial of what is wanted."""
        return UpdateState(
            running=wanted.version, installed=installed, phase=UpdatePhase.TRIAL,
            previous=self.running, wanted=wanted,
        )  # fmt: skip

    def settled(self) -> UpdateState:
        """The trial went well."""
        outcome = self._outcome(healthy=True)
        return replace(self, phase=UpdatePhase.SETTLED, wanted=None, outcome=outcome)

    def reverting(self, reason: str) -> UpdateState:
        """It did not."""
        return replace(self, phase=UpdatePhase.REVERTING, reason=reason)

    def reverted(self, since: dict[str, str], kept: str) -> UpdateState:
        """What was before runs again."""
        outcome = replace(self._outcome(healthy=False), since=since, kept=kept)
        return UpdateState(
            running=self.previous, installed=self.installed, outcome=outcome, previous=self.previous
        )

    def stranded(self, why: str) -> UpdateState:
        """It is not healthy, and what was before cannot be put back."""
        outcome = self._outcome(healthy=False)
        outcome = replace(outcome, reason=f"{outcome.reason}; it runs on, since {why}")
        return replace(self, phase=UpdatePhase.SETTLED, wanted=None, outcome=outcome)

    def _outcome(self, *, healthy: bool) -> UpdateOutcome:
        assert self.wanted is not None  # noqa: S101  # a trial has it
        reason = "" if healthy else self.reason
        wanted = self.wanted
        return UpdateOutcome(wanted.who, wanted.version, wanted.release, healthy, reason)
