"""One thing that was tried, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

__all__ = ["DoctorFinding", "Verdict"]


class Verdict(StrEnum):
    """Good; worth knowing; wrong."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """`what` was tried or looked at, `verdict`, and `detail`: what was seen, what to do."""

    what: str
    verdict: Verdict
    detail: str = ""

    @classmethod
    def of(cls, what: str, good: bool, otherwise: str) -> DoctorFinding:
        """Good, or bad with the reason."""
        return cls(what, Verdict.GOOD) if good else cls(what, Verdict.BAD, otherwise)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)
