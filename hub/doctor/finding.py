"""One thing that was tried, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

__all__ = ["DoctorFinding", "DoctorKind", "Verdict", "exit_status", "of_kind"]


class Verdict(StrEnum):
    """Good; worth knowing; wrong."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


class DoctorKind(StrEnum):
    """What a finding is about, the gravest first."""

    BROKER = "broker"
    DATABASE = "database"
    DASHBOARD = "dashboard"
    FILES = "files"
    PORTS = "ports"
    PARTS = "parts"
    CERTIFICATE = "certificate"
    NETWORK = "network"

    @property
    def exit_status(self) -> int:
        """Of the command, where something of this kind is wrong and nothing graver: from 50."""
        return 50 + list(DoctorKind).index(self)


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """`what` should hold, whether it does, and `detail`: what was seen, what to do.

    `what` is a sentence that is true where the verdict is good.
    """

    what: str
    verdict: Verdict
    detail: str = ""
    kind: DoctorKind = DoctorKind.PARTS

    @classmethod
    def of(cls, what: str, good: bool, otherwise: str) -> DoctorFinding:
        """Good, or bad with the reason."""
        return cls(what, Verdict.GOOD) if good else cls(what, Verdict.BAD, otherwise)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "kind": self.kind,
            "what": self.what,
            "verdict": self.verdict,
            "detail": self.detail,
        }


def of_kind(kind: DoctorKind, findings: Iterable[DoctorFinding]) -> Iterator[DoctorFinding]:
    """The findings as being of that kind."""
    return (replace(finding, kind=kind) for finding in findings)


def exit_status(findings: Iterable[DoctorFinding]) -> int:
    """0 where nothing is wrong, else that of the gravest kind."""
    bad = [finding.kind.exit_status for finding in findings if finding.verdict is Verdict.BAD]
    return min(bad, default=0)
