"""What the terminal shows of a fleet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from contracts.event_lines import EventLines
from host.twin.fleet import Fleet, Totals
from host.twin.statistics import Statistics
from host.twin.twin import Twin

__all__ = ["TwinEvents", "fleet_table", "summary"]

_LEFT = {"device", "kind", "why"}


def _trouble(twin: Twin) -> int:
    return -(twin.statistics.failures + twin.statistics.complaints)


def summary(totals: Totals) -> str:
    """One line: devices by state, cycles and their rate, wakes that failed in any way."""
    states = ", ".join(f"{number} {state}" for state, number in sorted(totals.states.items()))
    return (
        f"{totals.seconds:.0f} s: {states}; {totals.cycles} cycles ({totals.rate:.1f}/s), "
        f"{totals.failed} failures"
    )


def fleet_table(fleet: Fleet, rows: int) -> RenderableType:
    """The summary above a row per device, failed ones first, at most `rows` of them."""
    table = Table()
    for heading in ("device", "kind", "state", "cycles", "failures", "awake", "sleep", "why"):
        # Where the terminal is narrow, the reason gives way.
        table.add_column(
            heading, justify="left" if heading in _LEFT else "right", no_wrap=heading != "why"
        )
    ordered = sorted(fleet.twins, key=_trouble)
    for twin in ordered[:rows]:
        table.add_row(*_cells(twin))
    parts: list[RenderableType] = [Text(summary(fleet.totals())), table]
    if len(ordered) > rows:
        parts.append(Text(f"and {len(ordered) - rows} more"))
    return Group(*parts)


class TwinEvents:
    """Tells of each device that is otherwise than when it was told last."""

    def __init__(self, events: EventLines) -> None:
        self._events = events
        self._told: dict[str, Statistics] = {}

    def tell(self, twins: Iterable[Twin]) -> None:
        """What changed since the last time."""
        for twin in twins:
            now = twin.statistics
            if self._told.get(twin.id) != now:
                self._told[twin.id] = replace(now)
                self._events.tell(
                    "device", device=twin.id, kind=str(twin.settings.get("model", "")),
                    state=str(now.state), cycles=now.cycles,
                    failures=now.failures + now.complaints,
                    awake_ms=None if now.awake_ms is None else round(now.awake_ms, 1),
                    sleep_s=now.sleep_s, error=now.last_error or now.last_complaint,
                )  # fmt: skip


def _cells(twin: Twin) -> list[str | Text]:
    now = twin.statistics
    why = (now.last_error or now.last_complaint or twin.console()).rpartition("\n")[2]
    return [
        twin.id,
        str(twin.settings.get("model", "")),
        str(now.state),
        str(now.cycles),
        str(now.failures + now.complaints),
        "" if now.awake_ms is None else f"{now.awake_ms:.0f} ms",
        "" if now.sleep_s is None else f"{now.sleep_s:.0f} s",
        Text(why, no_wrap=True, overflow="ellipsis"),
    ]
