"""How the hub's parts were in the last 24 hours, in half hours, over restarts."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from hub.folder import write_private
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.ticks import tick

__all__ = ["PartHistory"]

log = logging.getLogger(__name__)

Look = Callable[[], Awaitable[Mapping[str, bool]]]


class PartHistory:
    """Looks once a minute; `look` says of each part by name whether it is well.

    A half hour is `ok` where it was well at each look, `bad` where it once was not, and empty where
    nobody looked: the hub was not running.
    """

    BINS = 48
    BIN_S = 1800
    LOOK_S = 60.0

    def __init__(
        self,
        look: Look,
        file: Path,
        supervisor: Supervisor,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._look, self._file, self._clock = look, file, clock
        self._tasks = supervisor.tasks(PartRole.WEB)
        self._bins: dict[str, dict[int, bool]] = {}
        self.began = clock()
        """Since when this hub runs."""

    async def start(self) -> None:
        """Begin, with what an earlier hub saw."""
        self._bins, self.began = self._load(), self._clock()
        self._tasks.loop("how parts are", self._run)

    async def stop(self) -> None:
        """End."""
        await self._tasks.stop()

    def states(self, part: str) -> list[str]:
        """Its half hours until now, the earliest first: `ok`, `bad` or empty."""
        last, seen = self._number(), self._bins.get(part, {})
        words = {True: "ok", False: "bad", None: ""}
        return [words[seen.get(n)] for n in range(last - self.BINS + 1, last + 1)]

    async def look(self) -> Mapping[str, bool]:
        """How the parts are just now; it is remembered."""
        found = await self._look()
        number, changed = self._number(), False
        for part, well in found.items():
            bins = self._bins.setdefault(part, {})
            before = bins.get(number)
            bins[number] = well and before is not False
            changed |= bins[number] != before
            for old in [n for n in bins if not number - self.BINS < n <= number]:
                del bins[old]
        if changed:
            self._save()
        return found

    async def _run(self) -> None:
        while True:
            await self.look()
            await tick(self.LOOK_S)

    def _number(self) -> int:
        return int(self._clock().timestamp()) // self.BIN_S

    def _load(self) -> dict[str, dict[int, bool]]:
        try:
            kept = json.loads(self._file.read_bytes())
            return {
                str(part): {int(number): bool(well) for number, well in bins.items()}
                for part, bins in kept.items()
            }
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError, RecursionError):
            log.warning("%s is damaged: how parts were is begun anew", self._file)
            return {}

    def _save(self) -> None:
        try:
            write_private(self._file, json.dumps(self._bins) + "\n")
        except OSError as error:
            # A full disk is one of the things that are looked at.
            log.warning("how parts were is not kept: %s", error.strerror)
