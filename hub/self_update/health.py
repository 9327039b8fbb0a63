"""Whether a hub that was switched to does what it should, seen from outside. Standard library."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from contracts.local_hub import HUB_JSON

__all__ = ["HubHealth"]

# s: between two looks at /healthz.
_EVERY_S = 5.0
# s: a database or a broker that restarts is away for less.
_GRACE_S = 60.0
_ANSWER_S = 10.0
# s: the doctor's time to come to an end, beyond the watch.
_EXAMINED_S = 600.0


class HubHealth:
    """Watches the hub of process `pid`: /healthz all the time, the doctor at begin and end.

    `doctor` gives what it finds bad, None where it cannot say; `known_bad` was so before.
    """

    def __init__(
        self,
        data_dir: Path,
        pid: int,
        doctor: Callable[[], Sequence[str] | None],
        *,
        known_bad: Sequence[str],
        watch_s: float,
        start_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._facts_file, self._pid, self._doctor = data_dir / HUB_JSON, pid, doctor
        self._known_bad, self._clock = Counter(known_bad), clock
        self._watch_s, self._start_s = watch_s, start_s
        self._began = clock()
        self._ready: float | None = None
        self._asked = self._well = self._began
        self._proven = False

    def is_ready(self) -> bool:
        """Whether it says that it is up."""
        if self._ready is None and self._facts().get("pid") == self._pid:
            self._ready = self._well = self._clock()
            self._asked = self._ready - _EVERY_S
        return self._ready is not None

    def is_proven(self) -> bool:
        """Whether it was healthy for as long as it is watched."""
        return self._proven

    def complaint(self) -> str:
        """Why it is not healthy, in one line; empty while nothing is known against it."""
        now = self._clock()
        if not self.is_ready():
            late = now - self._began > self._start_s
            return f"was not ready within {self._start_s / 60:g} minutes" if late else ""
        if now - self._asked < min(_EVERY_S, self._watch_s / 4):
            return ""
        first, self._asked = self._well == self._ready, now
        trouble = self._trouble()
        if trouble:
            patience = min(_GRACE_S, self._watch_s / 4)
            return f"is not healthy: {trouble}" if now - self._well > patience else ""
        self._well = now
        over = self._ready is not None and now - self._ready >= self._watch_s
        if not first and not over:
            return ""
        return self._examined(over)

    def _examined(self, over: bool) -> str:
        """What its doctor finds wrong; a hub that is busy may be examined by half: once more."""
        found = self._doctor()
        if found is None:
            ready = self._ready or 0
            late = self._clock() - ready > self._watch_s + _EXAMINED_S
            return "is not healthy: its doctor cannot say what holds" if late else ""
        # Two findings may be called the same.
        fresh = list((Counter(found) - self._known_bad).elements())
        self._proven = over and not fresh
        return f"is not healthy: the doctor finds wrong that {fresh[0]}" if fresh else ""

    def _trouble(self) -> str:
        """What /healthz says; empty for a good answer."""
        facts = self._facts()
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(facts.get("host", ""), facts.get("host"))
        named = f"[{host}]" if ":" in str(host) else host
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://{named}:{facts.get('http_port')}/healthz", timeout=_ANSWER_S):
                return ""
        except urllib.error.HTTPError as error:
            return f"/healthz answers {error.code}"
        except (OSError, ValueError):
            return "/healthz does not answer"

    def _facts(self) -> dict[str, Any]:
        try:
            found = json.loads(self._facts_file.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}
