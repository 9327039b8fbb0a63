"""The last report of each device, which the brief ones in its `$batch` build on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from pydantic import ValidationError

from contracts.messages import Batch, Report

__all__ = ["LastReports", "StoredReport", "nothing_stored"]

StoredReport: TypeAlias = Callable[[str], Awaitable[Mapping[str, Any] | None]]
"""Asks for the report that is kept of a device; None without one. Raises DatabaseAwayError."""


async def nothing_stored(_device: str) -> Mapping[str, Any] | None:
    """There is no database."""
    return None


class LastReports:
    """Makes brief reports whole.

    `stored` asks the database for the last report of a device, for what came before a start of the
    hub; at most `limit` devices' are in memory.
    """

    def __init__(self, stored: StoredReport = nothing_stored, limit: int = 10_000) -> None:
        self._stored, self._limit = stored, limit
        self._reports: OrderedDict[str, Report] = OrderedDict()

    def keep(self, report: Report) -> None:
        """A report came, or was completed."""
        self._reports[report.device] = report
        self._reports.move_to_end(report.device)
        if len(self._reports) > self._limit:
            self._reports.popitem(last=False)

    def complete(self, batch: Batch) -> Report | None:
        """What a batch's brief report makes of the last one; None where it does not build on it."""
        last = self._reports.get(batch.device)
        report = None if last is None else last.completed(batch)
        if report is not None:
            self.keep(report)
        return report

    async def load(self, device: str) -> None:
        """Take up what the database has. Raises DatabaseAwayError."""
        stored = await self._stored(device)
        if stored is None:
            return
        try:
            self.keep(Report.model_validate({**stored, "device": device}))
        except ValidationError:
            # Of a time when more was let in: the device says a whole one within the hour.
            self._reports.pop(device, None)
