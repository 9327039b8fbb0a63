"""Unusual values, as hub/anomalies finds them; rules keep its sweeps going."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from hub.anomalies.detect import AnomalyKind
from hub.anomalies.watch import AnomalyWatch, SeriesAnomaly
from hub.database.database import Database
from hub.database.queries import Queries
from hub.notifications.finding import Around, Finding, FindingEnd, Findings
from hub.notifications.model import Alert, Rule

__all__ = ["OddSource"]

_QUERIES = Queries.of("hub.notifications")

_PAUSE = timedelta(minutes=2)


class OddSource:
    """What goes on and nobody muted; a device's silence has rules of its own."""

    def __init__(self, database: Database, anomalies: AnomalyWatch) -> None:
        self._database, self._anomalies = database, anomalies
        self._looked_at: dict[str, datetime] = {}

    async def look(
        self, around: Around, rules: Sequence[Rule], known: Mapping[int, Mapping[str, Alert]]
    ) -> list[Findings]:
        """What the last sweep found; nothing before there was one."""
        last = self._looked_at.get(around.tenant)
        if last is not None and timedelta() <= around.now - last < _PAUSE:
            return []
        self._looked_at[around.tenant] = around.now
        odd = await self._anomalies.all(around.tenant)
        if not self._anomalies.has_swept(around.tenant):
            return []
        now = {
            f"{one.series.full_name} {one.anomaly.kind.value}": one
            for one in odd
            if not one.muted and one.anomaly.until is None
            and one.anomaly.kind is not AnomalyKind.SILENT
        }  # fmt: skip
        muted = {f"{one.series.full_name} {one.anomaly.kind.value}" for one in odd if one.muted}
        where = await self._devices(around.tenant)
        return [
            _findings(rule, known.get(rule.id, {}), now, muted=muted, where=where, around=around)
            for rule in rules
        ]

    async def _devices(self, tenant: str) -> dict[str, tuple[str | None, int | None]]:
        async with self._database.of(tenant).transaction() as conn:
            rows = await (await conn.execute(_QUERIES["located_devices"])).fetchall()
        return {device: (name, place) for device, name, place in rows}


def _findings(
    rule: Rule,
    before: Mapping[str, Alert],
    now: Mapping[str, SeriesAnomaly],
    *,
    muted: set[str],
    where: Mapping[str, tuple[str | None, int | None]],
    around: Around,
) -> Findings:
    found, nowhere = Findings(rule), (None, None)
    for subject, one in now.items():
        device = one.series.device
        name, place = where.get(device, nowhere)
        alert = before.get(subject)
        if around.concerns(rule, device, place) and (alert is None or alert.ended_at is not None):
            text = f"{one.label.lower()} {one.anomaly.text}"
            since, named = one.anomaly.since, name or device
            found.begun.append(Finding(subject, named, text, since, device, place))
    for subject, alert in before.items():
        if alert.ended_at is not None:
            continue
        _, place = where.get(alert.device or "", nowhere)
        if subject in muted:
            found.ended[subject] = FindingEnd.of_unwatched(around.now, "it was muted")
        elif subject not in now:
            found.ended[subject] = FindingEnd(around.now, "as usual again")
        elif not around.concerns(rule, alert.device, place):
            found.ended[subject] = around.moved_away
    return found
