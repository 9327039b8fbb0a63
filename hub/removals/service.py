"""Removing readings, series and devices, and telling everything that shows them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from contracts import topics
from contracts.reading import SeriesKey
from hub.calibration.known import Calibrations
from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.devices.known import require_device
from hub.homekit.service import HomeKitService
from hub.live import Live, LiveChange
from hub.mqtt.errors import NotConnectedError
from hub.mqtt.service import Mqtt
from hub.removals.model import (
    DeviceInRolloutError,
    NothingToRemoveError,
    Removal,
    RemovalKind,
    RemovalRequest,
)
from hub.removals.repository import RemovalRepository
from hub.runtime.retry import reason, retrying
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["Forgetful", "RemovalService"]

log = logging.getLogger(__name__)

_BACK_OFF = (1.0, 60.0)  # s: first and longest pause while the database is away


class Forgetful(Protocol):
    """Something that learns from readings: hub.anomalies.watch.AnomalyWatch."""

    def forget(self, tenant: str, series: Iterable[SeriesKey]) -> None:
        """What is known of these is learnt anew."""


class RemovalService:
    """The removals of all tenants.

    When a method returns, database, HomeKit, calibrations and live events have it. What a killed
    hub leaves is finished by the next one (`start`).
    """

    def __init__(
        self,
        database: Database,
        live: Live,
        *,
        mqtt: Mqtt,
        homekit: HomeKitService,
        calibrations: Calibrations,
        learners: Sequence[Forgetful] = (),
        supervisor: Supervisor | None = None,
    ) -> None:
        self._database, self._live = database, live
        self._mqtt, self._homekit, self._calibrations = mqtt, homekit, calibrations
        self._learners = learners
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.DUTIES)

    async def start(self) -> None:
        """Finish in the background what is unfinished."""
        self._tasks.spawn("finishing removals", self._finish())

    async def stop(self) -> None:
        """End; a removal that is under way goes on at the next start."""
        await self._tasks.stop()

    async def enrolled(self, tenant: str, device: str) -> None:
        """It has a new account: nothing is left of what other tenants told it, or it told them.

        For AccountBook.on_added.
        """
        left: set[SeriesKey] = set()
        for other in await self._database.tenants():
            if other != tenant:
                left |= {key for _, key in await self._of(other).series_of(device)}
        await self._clear_said(device, left)

    async def reading(
        self, tenant: str, series: SeriesKey, at: datetime, *, who: str, why: str = ""
    ) -> Removal:
        """Remove the readings of a series of one instant (exact to a microsecond).

        Raises NothingToRemoveError.
        """
        until = at + timedelta(microseconds=1)
        kind = RemovalKind.READING
        return await self._span(
            tenant, RemovalRequest(kind, series.device, series, at, until, who, why)
        )

    async def span(
        self,
        tenant: str,
        series: SeriesKey,
        since: datetime,
        until: datetime,
        *,
        who: str,
        why: str = "",
    ) -> Removal:
        """Remove what a series measured since <= t < until, and what was made of it.

        Raises NothingToRemoveError.
        """
        kind = RemovalKind.SPAN
        return await self._span(
            tenant, RemovalRequest(kind, series.device, series, since, until, who, why)
        )

    async def series(self, tenant: str, series: SeriesKey, *, who: str, why: str = "") -> Removal:
        """Remove a series with its readings, rollups and calibrations.

        It begins anew when its device says it again. Raises NothingToRemoveError.
        """
        if await self._of(tenant).series(series) is None:
            raise NothingToRemoveError(f"{series.device} has no {series.name}")
        kind = RemovalKind.SERIES
        return await self._carry_out(
            tenant, RemovalRequest(kind, series.device, series, None, None, who, why)
        )

    async def device(self, tenant: str, device: str, *, who: str, why: str = "") -> Removal:
        """Remove a device with all that is its own: readings, settings, account, accessory.

        Raises DeviceUnknownError, DeviceInRolloutError.
        """
        await require_device(self._database.of(tenant), device)
        rollout = await self._of(tenant).open_rollout(device)
        if rollout is not None:
            raise DeviceInRolloutError(device, rollout)
        kind = RemovalKind.DEVICE
        return await self._carry_out(
            tenant, RemovalRequest(kind, device, None, None, None, who, why)
        )

    async def trail(self, tenant: str, device: str | None = None, most: int = 100) -> list[Removal]:
        """What was removed, of one device or of all, the newest first."""
        return await self._of(tenant).trail(device, most)

    def _of(self, tenant: str) -> RemovalRepository:
        return RemovalRepository(self._database.of(tenant))

    async def _span(self, tenant: str, request: RemovalRequest) -> Removal:
        series = request.series
        number = None if series is None else await self._of(tenant).series(series)
        if series is None or number is None:
            name = "readings" if series is None else series.name
            raise NothingToRemoveError(f"{request.device} has no {name}")
        if await self._of(tenant).reach(number, request.since, request.until) is None:
            when = f"of {request.since}" if request.what is RemovalKind.READING else "in that time"
            raise NothingToRemoveError(f"{series.full_name} has no reading {when}")
        return await self._carry_out(tenant, request)

    async def _carry_out(self, tenant: str, request: RemovalRequest) -> Removal:
        number = await self._of(tenant).begin(request)
        await self._go_on(tenant, number, request)
        return await self._of(tenant).get(number)

    async def _go_on(self, tenant: str, number: int, request: RemovalRequest) -> None:
        removals = self._of(tenant)
        known = await removals.series_of(request.device)
        concerned = [key for _, key in known if request.series in {None, key}]
        # Its name may be that of another tenant's, which is none of this.
        others = self._mqtt.is_others(tenant, request.device)
        if request.what is RemovalKind.DEVICE and not others:
            # It is not to say anything meanwhile.
            await self._shut_out(request.device)
        await removals.carry_out(number, request)
        if request.what in {RemovalKind.SERIES, RemovalKind.DEVICE}:
            self._mqtt.ingest.of(tenant).forget_numbers()
            await self._calibrations.follow(tenant)
        for learner in self._learners:
            learner.forget(tenant, concerned)
        if request.what is RemovalKind.DEVICE:
            await self._withdraw(tenant, request.device, concerned, others=others)
            self._live.publish(tenant, LiveChange("device", request.device))
            return
        for key in concerned:
            await self._homekit.renew(tenant, key, await removals.newest(key))
            self._live.publish(tenant, LiveChange("readings", key.full_name))

    async def _shut_out(self, device: str) -> None:
        if self._mqtt.book.get(device) is not None:
            await self._mqtt.book.remove(device)
        self._mqtt.forget_clock(device)
        self._mqtt.problems.forget(device)

    async def _withdraw(
        self, tenant: str, device: str, series: Iterable[SeriesKey], *, others: bool
    ) -> None:
        """Out of HomeKit, and nothing retained that would bring it back or speak to its like."""
        await self._homekit.remove(tenant, device)
        if others:
            return
        await self._clear(topics.config(device), topics.ota(device))
        await self._clear_said(device, series)

    async def _clear_said(self, device: str, series: Iterable[SeriesKey]) -> None:
        """What a broker retains of values, of commands that were left, and of acknowledgements."""
        of_series = [topic for key in series for topic in (topics.state(key), topics.command(key))]
        await self._clear(topics.ack(device), *of_series)

    async def _clear(self, *retained: str) -> None:
        for topic in retained:
            with suppress(NotConnectedError):
                await self._mqtt.source.publish(topic, "", retain=True)

    async def _finish(self) -> None:
        def waiting(error: BaseException) -> None:
            log.info("removals are finished later: %s", reason(error))

        first, longest = _BACK_OFF
        retry = retrying([DatabaseAwayError], first=first, longest=longest, waiting=waiting)
        await retry(self._finish_all)

    async def _finish_all(self) -> None:
        for tenant in await self._database.tenants():
            for found in await self._of(tenant).unfinished():
                log.info("removing %s of %s: going on", found.series or "all", found.device)
                await self._go_on(tenant, found.id, _request(found))


def _request(found: Removal) -> RemovalRequest:
    series = None
    if found.series is not None:
        service, *index, characteristic = found.series.split("/")
        number = int(index[0]) if index else 0
        series = SeriesKey(found.device, service, number, characteristic)
    return RemovalRequest(
        found.what, found.device, series, found.since, found.until, found.who, found.why
    )
