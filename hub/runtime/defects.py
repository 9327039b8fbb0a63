"""Defects of ours: each kind logged with its trace once, all counted, shown by the doctor."""

from __future__ import annotations

import logging
import traceback
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["Defect", "Defects"]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Defect:
    """How often something unforeseen was raised at a place, when last (UTC), and what it said."""

    place: str
    kind: str
    detail: str
    at: datetime
    count: int = 0


class Defects:
    """What nothing foresaw. `note` never raises; the `remember` latest kinds are kept.

    A kind is a place, the exception's class and the line that raised it.
    """

    def __init__(self, remember: int = 500) -> None:
        self.total = 0
        self._remember = remember
        self._known: OrderedDict[tuple[str, str, str], Defect] = OrderedDict()

    def note(self, place: str, error: BaseException) -> None:
        """Count an exception; `place` says for a person what was being done, without a device."""
        self.total += 1
        kind = type(error).__name__
        key = place, kind, _where(error)
        defect = self._known.get(key)
        if defect is None:
            defect = self._known[key] = Defect(place, kind, "", datetime.now(UTC))
            log.error("%s: a defect (logged once, then counted)", place, exc_info=error)
            if len(self._known) > self._remember:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        defect.count += 1
        defect.at = datetime.now(UTC)
        defect.detail = (str(error).splitlines() or [""])[0][:200]

    def all(self) -> list[Defect]:
        """The kinds that are remembered, the latest first."""
        return list(reversed(self._known.values()))


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
