"""Devices that should have been heard, by the same reasons that `dormouse explain` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.database.database import Database
from hub.database.queries import Queries
from hub.explain.problems import Explainer, LateDevice
from hub.notifications.finding import Around, Finding, FindingEnd, Findings
from hub.notifications.model import Alert, Rule

__all__ = ["SilentSource"]

_QUERIES = Queries.of("hub.notifications.sources")

# One that is late but not silent yet is looked at again after a tenth of its silence.
_SOONEST, _LATEST, _SHARE = timedelta(seconds=20), timedelta(minutes=5), 10
# Whom a look examines closely: of 10,000 that fall silent at once the others come next.
_CLOSELY = 500


@dataclass(frozen=True, slots=True)
class _Late:
    """What was found about a device that was heard last at `seen_at`; None: not silent yet."""

    seen_at: datetime
    again_at: datetime
    found: LateDevice | None


class SilentSource:
    """Asks the database for who is late, which is nearly nobody, and looks at those closely."""

    def __init__(self, database: Database, explainer: Explainer) -> None:
        self._database, self._explainer = database, explainer
        self._late: dict[str, dict[str, _Late]] = {}

    async def look(
        self, around: Around, rules: Sequence[Rule], known: Mapping[int, Mapping[str, Alert]]
    ) -> list[Findings]:
        """Who fell silent, who is heard again. While the hub is deaf nobody does either."""
        if around.deaf:
            return []
        rows = await self._rows(around, "late_devices", {"now": around.now})
        await self._look_closely(around, rows)
        late = self._late[around.tenant]
        gone = {
            alert.device
            for rule in rules
            for alert in known.get(rule.id, {}).values()
            if alert.ended_at is None and alert.device is not None
        }
        back = await self._rows(around, "seen_devices", {"devices": sorted(gone)}) if gone else {}
        return [
            _findings(rule, known.get(rule.id, {}), late, rows=rows, back=back, around=around)
            for rule in rules
        ]

    async def _look_closely(
        self, around: Around, rows: Mapping[str, tuple[datetime | None, int | None]]
    ) -> None:
        before = self._late.get(around.tenant, {})
        kept, wanted = dict[str, _Late](), list[str]()
        for device, (seen_at, _) in rows.items():
            one = before.get(device)
            if one is not None and one.seen_at == seen_at:
                kept[device] = one
                # Unless the clock was set back meanwhile.
                if around.now < one.again_at <= around.now + _LATEST:
                    continue
            if seen_at is not None and len(wanted) < _CLOSELY:
                wanted.append(device)
        found: dict[str, LateDevice] = {}
        if wanted:
            said = await self._explainer.late(
                around.tenant, wanted, now=around.now, zone=around.zones.zone
            )
            found = {one.device: one for one in said}
        for device in wanted:
            seen_at = rows[device][0]
            if seen_at is not None:
                pause = min(max((around.now - seen_at) / _SHARE, _SOONEST), _LATEST)
                kept[device] = _Late(seen_at, around.now + pause, found.get(device))
        self._late[around.tenant] = kept

    async def _rows(
        self, around: Around, query: str, facts: dict[str, object]
    ) -> dict[str, tuple[datetime | None, int | None]]:
        async with self._database.of(around.tenant).transaction() as conn:
            rows = await (await conn.execute(_QUERIES[query], facts)).fetchall()
        return {device: (seen_at, place) for device, seen_at, place in rows}


def _findings(
    rule: Rule,
    known: Mapping[str, Alert],
    late: Mapping[str, _Late],
    *,
    rows: Mapping[str, tuple[datetime | None, int | None]],
    back: Mapping[str, tuple[datetime | None, int | None]],
    around: Around,
) -> Findings:
    found = Findings(rule)
    for device, one in late.items():
        place, silent = rows[device][1], one.found
        if silent is None or not around.concerns(rule, device, place):
            continue
        if silent.through_tunnel and around.tells_tunnels:
            continue
        before = known.get(device)
        if silent.missed is not None and silent.missed < rule.options.missed:
            continue
        if before is None or before.ended_at is not None:
            text = silent.text
            found.begun.append(Finding(device, silent.name, text, silent.since, device, place))
    for subject, alert in known.items():
        if alert.ended_at is not None:
            continue
        seen_at, place = back.get(subject, (None, None))
        if subject not in back or not around.concerns(rule, subject, place):
            found.ended[subject] = around.moved_away
        elif subject not in rows and seen_at is not None:
            clock = around.clock(place)
            text = (
                f"heard again at {clock.at(seen_at)}, after silence since {clock.at(alert.since)}"
            )
            found.ended[subject] = FindingEnd(max(seen_at, alert.since), text)
    return found
