"""What devices say, and what they are told, to whoever looks on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime

from contracts.homekit.values import BadValue, parse
from contracts.messages import Online, Report
from contracts.reading import Reading, SeriesKey, Value
from hub.live import Live, LiveChange, LiveCommand, LiveOnline, LiveReport, LiveValue
from hub.mqtt.delivery import Delivery

__all__ = ["LiveFeed"]


class LiveFeed:
    """Publishes to the streams of `live`; `online` and `report` are handlers for Listener.on.

    `calibrated` says what a tenant's series measured at an instant is, of its raw value.
    """

    def __init__(
        self,
        live: Live,
        tenant_of: Callable[[str], str],
        calibrated: Callable[[str, SeriesKey, Value, datetime], Value] = lambda *told: told[2],
    ) -> None:
        self._live, self.tenant_of, self._calibrated = live, tenant_of, calibrated

    def reading(self, reading: Reading) -> None:
        """A reading that is news."""
        if not self._live.idle:
            tenant = self.tenant_of(reading.series.device)
            value = self._calibrated(tenant, reading.series, reading.value, reading.at)
            self._live.publish(tenant, LiveValue(reading.series, value, reading.at, reading.value))

    def online(self, message: Online, delivery: Delivery) -> None:
        """A device came or went."""
        if not delivery.retained and message.online is not None:
            update = LiveOnline(message.device, message.online, delivery.at)
            self._live.publish(self.tenant_of(message.device), update)

    def report(self, report: Report, delivery: Delivery) -> None:
        """A device's report."""
        if not delivery.retained and not self._live.idle:
            update = LiveReport(report.device, report.raw, delivery.at)
            self._live.publish(self.tenant_of(report.device), update)

    def dated_again(self, tenant: str) -> None:
        """This machine's clock was set: what was stored has other times."""
        self._live.publish(tenant, LiveChange("clock", ""))

    def command(self, key: SeriesKey, text: str) -> None:
        """Somebody's wish was sent to a device."""
        with contextlib.suppress(BadValue):  # it was checked; a device's oddity is not shown
            value = parse(key.service, key.characteristic, text)
            update = LiveCommand(key, value, datetime.now(UTC))
            self._live.publish(self.tenant_of(key.device), update)
