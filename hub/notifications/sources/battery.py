"""Batteries that are low, or will be empty soon: some devices at each look, all within the hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contracts.show import count
from hub.database.database import Database
from hub.database.queries import Queries
from hub.explain.problems import BatteryStanding, Explainer
from hub.notifications.finding import Around, Finding, FindingEnd, Findings
from hub.notifications.model import Alert, Rule

__all__ = ["BatterySource", "is_low", "is_well"]

_QUERIES = Queries.of("hub.notifications")

_AT_ONCE = 100
_SWEEP = timedelta(minutes=10)
# By how much a battery is better before that is told: a warm day is no new battery.
_PERCENT_MARGIN, _DAYS_MARGIN = 5.0, 5


def is_low(rule: Rule, battery: BatteryStanding) -> bool:
    """Whether a rule tells of it."""
    options = rule.options
    if options.percent is None:
        low = battery.low
    else:
        low = battery.percent is not None and battery.percent < options.percent
    return low or _ends_within(battery, options.within_days)


def is_well(rule: Rule, battery: BatteryStanding) -> bool:
    """Whether what was told of it is over, for sure."""
    options = rule.options
    if options.percent is None:
        low = battery.low
    else:
        low = battery.percent is None or battery.percent < options.percent + _PERCENT_MARGIN
    days = None if options.within_days is None else options.within_days + _DAYS_MARGIN
    return not low and not _ends_within(battery, days)


def _ends_within(battery: BatteryStanding, days: int | None) -> bool:
    return days is not None and battery.days_left is not None and battery.days_left <= days


@dataclass(slots=True)
class _Sweep:
    """Where one is: who is still to be looked at, and where devices are."""

    began_at: datetime
    waiting: list[str] = field(default_factory=list)
    places: dict[str, int | None] = field(default_factory=dict)


class BatterySource:
    """Goes round the devices; each look has some of them."""

    def __init__(self, database: Database, explainer: Explainer) -> None:
        self._database, self._explainer = database, explainer
        self._sweeps: dict[str, _Sweep] = {}

    async def look(
        self, around: Around, rules: Sequence[Rule], known: Mapping[int, Mapping[str, Alert]]
    ) -> list[Findings]:
        """What is new of those whose turn it is."""
        sweep = self._sweeps.get(around.tenant)
        if sweep is None or (not sweep.waiting and abs(around.now - sweep.began_at) >= _SWEEP):
            sweep = self._sweeps[around.tenant] = await self._begin(around)
        turn, sweep.waiting = sweep.waiting[:_AT_ONCE], sweep.waiting[_AT_ONCE:]
        if not turn:
            return []
        found = await self._explainer.batteries(around.tenant, turn, now=around.now)
        return [_findings(rule, known.get(rule.id, {}), found, sweep, around) for rule in rules]

    async def _begin(self, around: Around) -> _Sweep:
        async with self._database.of(around.tenant).transaction() as conn:
            rows = await (await conn.execute(_QUERIES["located_devices"])).fetchall()
        places = {device: place for device, _, place in rows}
        return _Sweep(around.now, sorted(places), places)


def _findings(
    rule: Rule,
    known: Mapping[str, Alert],
    batteries: Sequence[BatteryStanding],
    sweep: _Sweep,
    around: Around,
) -> Findings:
    found = Findings(rule)
    for battery in batteries:
        place, before = sweep.places.get(battery.device), known.get(battery.device)
        concerned = around.concerns(rule, battery.device, place)
        is_open = before is not None and before.ended_at is None
        if is_open and not concerned:
            found.ended[battery.device] = around.moved_away
        elif is_open and is_well(rule, battery):
            text = f"the battery is well again: {battery.said or 'no longer low'}"
            found.ended[battery.device] = FindingEnd(around.now, text)
        elif not is_open and concerned and is_low(rule, battery):
            device, text = battery.device, _text(battery)
            found.begun.append(Finding(device, battery.name, text, around.now, device, place))
    return found


def _text(battery: BatteryStanding) -> str:
    parts = [f"battery {battery.said}" if battery.said else "battery low"]
    if battery.days_left is not None:
        days = battery.days_left
        parts.append(f"empty in about {count(days, 'day')}" if days > 0 else "empty any day")
    return ", ".join(parts)
