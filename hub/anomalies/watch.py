"""Watches the series of all tenants for what is odd, at little cost."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from contracts.homekit.quantities import Quantity, Shape, ordinary, quantity, shown
from contracts.reading import SeriesKey
from hub.anomalies.detect import Anomaly, AnomalyKind, detect
from hub.anomalies.mutes import MuteRepository
from hub.anomalies.profile import Bin, Measurement, SeriesProfile, learn
from hub.database.database import Database
from hub.database.errors import DatabaseAwayError, ForeignRowError
from hub.devices.glance import glance
from hub.readings.points import Form, PointRepository, Resolution, Span, StoredSeries
from hub.readings.repository import Bins, ReadingRepository
from hub.runtime.supervisor import PartRole, Supervisor
from hub.zones.service import ZoneService

__all__ = ["AnomalyWatch", "SeriesAnomaly"]

log = logging.getLogger(__name__)

# What is usual is learnt from so many days, without the last, which is judged by it.
_WEEKS, _RECENT, _LAST = timedelta(days=29), timedelta(days=8), timedelta(days=1)
# A profile changes slowly; findings are as fresh as a reading or two.
_LEARN_S, _LOOK_S, _SWEEP_S = 86_400.0, 120.0, 900.0
# Between two series of a sweep, so that devices are heard meanwhile.
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class SeriesAnomaly:
    """A finding about a series.

    `muted`: nobody wants to be told of it, until `until` (None: for good).
    """

    series: SeriesKey
    label: str
    anomaly: Anomaly
    muted: bool = False
    until: datetime | None = None

    @property
    def name(self) -> str:
        """What tells it from the others of its tenant: the series and what is odd."""
        return f"{self.series.full_name} {self.anomaly.kind}"


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found of a series, and when (monotonic seconds)."""

    at: float
    findings: list[Anomaly]


class AnomalyWatch:
    """Findings on demand for a device, and of all of a tenant from the last sweep.

    A sweep runs while somebody asks, every 15 minutes at most.
    """

    def __init__(self, store: Database, supervisor: Supervisor | None = None) -> None:
        self._store, self._zones = store, ZoneService(store)
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.DUTIES)
        self._profiles: dict[tuple[str, SeriesKey], tuple[float, SeriesProfile]] = {}
        self._looked: dict[tuple[str, SeriesKey], _Looked] = {}
        self._swept: dict[str, float] = {}
        self._sweeping: set[str] = set()

    async def stop(self) -> None:
        """End sweeps."""
        await self._tasks.stop()

    def forget(self, tenant: str, series: Iterable[SeriesKey]) -> None:
        """These are calibrated otherwise: what was usual of them is learnt anew."""
        for key in series:
            self._profiles.pop((tenant, key), None)
            self._looked.pop((tenant, key), None)

    async def device(self, tenant: str, device: str) -> list[SeriesAnomaly]:
        """What is odd about a device's series, the newest first."""
        found = (await glance(self._store.of(tenant), device)).devices
        keys = {v.series: d.seen_at for d in found for v in d.values if _watched(v.series)}
        now = datetime.now(UTC)
        findings = {key: await self._look(tenant, key, seen, now) for key, seen in keys.items()}
        return await self._odd(tenant, findings)

    async def all(self, tenant: str) -> list[SeriesAnomaly]:
        """What the last sweep found, muted or not; starts one when it is time."""
        last = self._swept.get(tenant)
        due = last is None or time.monotonic() - last > _SWEEP_S
        if due and tenant not in self._sweeping:
            self._sweeping.add(tenant)
            self._tasks.spawn("looking for what is odd", self._sweep(tenant))
        known = {
            key: looked.findings
            for (of, key), looked in self._looked.items()
            if of == tenant and looked.findings
        }
        return await self._odd(tenant, known) if known else []

    async def find(self, tenant: str, name: str) -> SeriesAnomaly | None:
        """The one called so by its `name`, if it is still odd."""
        return next((one for one in await self.all(tenant) if one.name == name), None)

    def has_swept(self, tenant: str) -> bool:
        """Whether everything of a tenant was looked at since the hub began."""
        return tenant in self._swept

    def usual(self, tenant: str, series: Iterable[SeriesKey]) -> dict[SeriesKey, SeriesProfile]:
        """What was learnt of these so far; nothing is read for it."""
        known = {key: self._profiles.get((tenant, key)) for key in series}
        return {key: found[1] for key, found in known.items() if found is not None}

    async def mute(self, tenant: str, odd: SeriesAnomaly, until: datetime | None, who: str) -> None:
        """Say nothing of it until then; None: for good. Raises ForeignRowError."""
        mutes = MuteRepository(self._store.of(tenant))
        await mutes.mute(odd.series, odd.anomaly.kind.value, until, who)

    async def unmute(self, tenant: str, odd: SeriesAnomaly) -> None:
        """Speak of it again."""
        await MuteRepository(self._store.of(tenant)).unmute(odd.series, odd.anomaly.kind.value)

    async def mutes(
        self, tenant: str, device: str
    ) -> dict[SeriesKey, dict[AnomalyKind, datetime | None]]:
        """What is muted of each series of a device that is watched, odd now or not; see `mute`."""
        found = (await glance(self._store.of(tenant), device)).devices
        watched = [v.series for d in found for v in d.values if _watched(v.series)]
        muted: dict[SeriesKey, dict[AnomalyKind, datetime | None]] = {key: {} for key in watched}
        for (key, kind), until in (await MuteRepository(self._store.of(tenant)).all()).items():
            if key in muted:
                muted[key][AnomalyKind(kind)] = until
        return muted

    async def change_mutes(
        self,
        tenant: str,
        wanted: Mapping[SeriesKey, Mapping[AnomalyKind, datetime | None]],
        who: str,
    ) -> None:
        """These, and no others of these series, are muted; what is not odd yet as well.

        Raises ForeignRowError.
        """
        mutes = MuteRepository(self._store.of(tenant))
        for key, kinds in wanted.items():
            for kind in AnomalyKind:
                if kind in kinds:
                    await mutes.mute(key, kind.value, kinds[kind], who)
                else:
                    await mutes.unmute(key, kind.value)

    async def sweep(self, tenant: str) -> None:
        """Look at every series of a tenant."""
        found = await glance(self._store.of(tenant))
        for device in found.devices:
            for value in device.values:
                if _watched(value.series):
                    await self._look(tenant, value.series, device.seen_at, datetime.now(UTC))
                    await asyncio.sleep(_PAUSE_S)
        self._swept[tenant] = time.monotonic()

    async def _sweep(self, tenant: str) -> None:
        """One in the background; after a failure the next comes as late as after any other."""
        try:
            await self.sweep(tenant)
        except DatabaseAwayError as error:
            log.warning("the anomalies of %s wait for the database: %s", tenant, error.reason)
        finally:
            self._sweeping.discard(tenant)
            self._swept[tenant] = time.monotonic()

    async def _look(
        self, tenant: str, key: SeriesKey, seen_at: datetime | None, now: datetime
    ) -> list[Anomaly]:
        before = self._looked.get((tenant, key))
        if before is not None and time.monotonic() - before.at < _LOOK_S:
            return before.findings
        try:
            (series,) = await PointRepository(self._store.of(tenant)).find([key])
        except ForeignRowError:
            return []
        profile = await self._profile(tenant, series, now)
        readings = await self._readings(tenant, series, Span(now - _LAST, now))
        show = partial(shown, kind=quantity(key))
        zone = await self._zones.of_devices(tenant, [key.device])
        findings = detect(profile, readings, now, show=show, seen_at=seen_at, zone=zone)
        self._looked[tenant, key] = _Looked(time.monotonic(), findings)
        return findings

    async def _profile(self, tenant: str, series: StoredSeries, now: datetime) -> SeriesProfile:
        place = tenant, series.key
        known = self._profiles.get(place)
        if known is not None and time.monotonic() - known[0] < _LEARN_S:
            return known[1]
        judged = now - _LAST
        bins = await self._bins(tenant, series, Span(now - _WEEKS, judged))
        readings = await self._readings(tenant, series, Span(now - _RECENT, judged))
        zone = await self._zones.of_devices(tenant, [series.key.device])
        local = now.astimezone(zone).utcoffset() or timedelta()
        kind: Quantity = quantity(series.key)
        profile = learn(bins, readings, unit=kind.unit, offset=round(local.total_seconds()))
        self._profiles[place] = time.monotonic(), profile
        return profile

    async def _readings(self, tenant: str, series: StoredSeries, span: Span) -> list[Measurement]:
        found: list[Measurement] = []
        points = PointRepository(self._store.of(tenant))
        async for piece in points.pieces(series, span, Form.PACKED):
            at, values = piece.columns[0], piece.columns[1]
            found += [(float(t) / 1e6, float(v)) for t, v in zip(at, values, strict=True)]
        return found

    async def _bins(self, tenant: str, series: StoredSeries, span: Span) -> list[Bin]:
        # Extremes are what counts here, so the rollup's own hours will do.
        rollup = ReadingRepository(self._store.of(tenant))
        since = span.over(Resolution.HOURLY).since
        hours = await rollup.bins(series.key, since, span.until, Bins.HOUR)
        return [(one.start.timestamp(), one.low, one.high) for one in hours]

    async def _odd(
        self, tenant: str, findings: Mapping[SeriesKey, Sequence[Anomaly]]
    ) -> list[SeriesAnomaly]:
        mutes = await MuteRepository(self._store.of(tenant)).all()
        odd = [
            SeriesAnomaly(
                key,
                quantity(key).label,
                finding,
                (key, finding.kind.value) in mutes,
                mutes.get((key, finding.kind.value)),
            )
            for key, found in findings.items()
            for finding in found
        ]
        return sorted(odd, key=lambda one: one.anomaly.at, reverse=True)


def _watched(key: SeriesKey) -> bool:
    return ordinary(key) and quantity(key).shape is Shape.CURVE
