"""/metrics for Prometheus: one tenant's devices, and the hub's process.

Only for tokens with the scope `metrics`, not for whoever comes from the loopback address: behind a
reverse proxy everybody does. What other tenants' devices do cannot be read from any of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response

from contracts.homekit.quantities import quantity
from hub.api.access import Metrics
from hub.devices.glance import DeviceGlance, Glance
from hub.homekit.presence import Patience
from hub.runtime.supervisor import PartRole
from hub.services import Services

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

__all__ = ["routes"]

# Members of a $report, the metric's name after dormouse_device_, its meaning, and its scale.
_REPORT = [
    ("battery_mv", "battery_volts", "battery, as last reported", 1e-3),
    ("rssi", "rssi_dbm", "signal strength, as last reported", 1.0),
    ("awake_ms", "awake_seconds", "awake time of the wake before", 1e-3),
    ("heap_free", "heap_free_bytes", "free heap, as last reported", 1.0),
]


def routes(services: Services) -> APIRouter:
    """/metrics."""
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    async def metrics(caller: Metrics) -> Response:
        """What Prometheus scrapes."""
        return await _scraped(services, caller.tenant)

    return router


async def _scraped(services: Services, tenant: str) -> Response:
    # 3 MB that only those pay who have a Prometheus.
    from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: PLC0415  # when asked for
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415  # when asked for

    glance = await services.devices.glance(tenant)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Collector(services, tenant, glance))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Collector:
    """One tenant as of one scrape."""

    def __init__(self, services: Services, tenant: str, glance: Glance) -> None:
        self._services, self._tenant = services, tenant
        self._now = datetime.now(UTC)
        # Those that left HomeKit for their silence have left here too.
        longest = services.settings.forget_after_days * 86400
        self._devices = [d for d in glance.devices if not 0 < longest < self._silence(d)]

    def describe(self) -> list[Metric]:
        """Nothing is checked for collisions: the registry is used once."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric."""
        devices = self._devices
        yield _gauge(
            "up", "whether a device is heard as it should be: 0 from when it is silent for longer",
            ["device"], ((d.device, int(self._up(d))) for d in devices),
        )  # fmt: skip
        yield _gauge(
            "device_info", "a device, its name and firmware", ["device", "name", "firmware"],
            ((d.device, d.name or "", str(d.report.get("firmware") or ""), 1) for d in devices),
        )  # fmt: skip
        yield _gauge(
            "device_seen_timestamp_seconds", "when it was last heard", ["device"],
            ((d.device, d.seen_at.timestamp()) for d in devices if d.seen_at),
        )  # fmt: skip
        yield _gauge(
            "device_next_wake_timestamp_seconds", "when it said it would wake", ["device"],
            ((d.device, d.next_wake_at.timestamp()) for d in devices if d.next_wake_at),
        )  # fmt: skip
        for member, name, meaning, scale in _REPORT:
            yield _gauge(
                f"device_{name}", meaning, ["device"], _reported(devices, member, scale)
            )  # fmt: skip
        yield from self._values()
        yield from self._hub()

    def _silence(self, device: DeviceGlance) -> float:
        return (self._now - device.seen_at).total_seconds() if device.seen_at else 0

    def _up(self, device: DeviceGlance) -> bool:
        """Whether it is there as Apple Home has it; of one that is not there by its own word."""
        homekit = self._services.homekit
        if homekit.has(self._tenant, device.device):
            return homekit.available(self._tenant, device.device)
        if device.seen_at is None:
            return False
        if device.next_wake_at is not None:
            interval = (device.next_wake_at - device.seen_at).total_seconds()
            patience = Patience().due(0, max(interval, 0))
            return self._silence(device) < patience
        return self._silence(device) < self._services.settings.silent_after

    def _values(self) -> Iterator[Metric]:
        labels = ["device", "service", "index", "characteristic", "unit"]
        rows = [
            ((*_labels(one.series), quantity(one.series).unit), float(one.value), one.at)
            for device in self._devices
            # What a silent one said last is not what is: Prometheus is to take it for stale.
            if self._up(device)
            for one in device.values
            if not isinstance(one.value, str)
        ]
        yield _gauge(
            "value", "newest value of a series, calibrated; booleans 0 and 1", labels,
            ((*key, value) for key, value, _ in rows),
        )  # fmt: skip
        yield _gauge(
            "value_timestamp_seconds", "when that was measured", labels[:-1],
            ((*key[:-1], at.timestamp()) for key, _, at in rows),
        )  # fmt: skip

    def _hub(self) -> Iterator[Metric]:
        services = self._services
        ingest = services.mqtt.ingest.of(self._tenant)
        yield _counter(
            "readings", "readings since the hub started, by what became of them", ["fate"],
            ((fate, number) for fate, number in ingest.counts.items()),
        )  # fmt: skip
        if (replica := services.replica) is not None:
            yield _gauge(
                "database_standby_used", "whether readings are asked of the standby", [],
                [(int(not replica.unfit),)],
            )  # fmt: skip
            yield _gauge(
                "database_standby_age_seconds", "how old what the standby shows may be, if known",
                [], [] if replica.age is None else [(replica.age,)],
            )  # fmt: skip
        yield _gauge("readings_pending", "readings not committed yet", [], [(ingest.pending,)])
        yield _counter(
            "problems", "messages refused since the hub started", ["device", "kind"],
            (
                (device, kind, seen.count)
                for device in sorted(self._senders())
                for kind, seen in services.problems.of(device).items()
            ),
        )  # fmt: skip
        yield from self._parts()
        connected = services.mqtt.source.connected.is_set()
        yield _gauge(
            "worker_leases", "how many leases a worker of the database has", ["worker"],
            ((f"{one.host} {one.mark}", len(one.leases)) for one in services.workers()),
        )  # fmt: skip
        yield _gauge(
            "lease_held", "a broker or the duties, by the worker that has it", ["lease", "worker"],
            (
                (lease, f"{one.host} {one.mark}", 1)
                for one in services.workers()
                for lease in one.leases
            ),
        )  # fmt: skip
        yield _gauge("broker_connected", "whether the hub hears devices", [], [(int(connected),)])

    def _senders(self) -> set[str]:
        """The tenant's devices, and accounts of which nothing was kept yet."""
        accounts = self._services.mqtt.book.all()
        own = {account.device for account in accounts if account.tenant == self._tenant}
        return own | {device.device for device in self._devices}

    def _parts(self) -> Iterator[Metric]:
        """Nothing of it names a tenant."""
        supervisor = self._services.supervisor
        failed = supervisor.failed()
        yield _gauge(
            "parts_running", "whether all parts of the hub for this run", ["role"],
            ((role.value, int(role not in failed)) for role in PartRole),
        )  # fmt: skip
        restarts = Counter[str]()
        for loop in supervisor.loops:
            restarts[loop.name] += loop.restarts
        yield _counter(
            "part_restarts", "how often a part of the hub was begun again", ["part"],
            restarts.items(),
        )  # fmt: skip
        defects = Counter[tuple[str, str]]()
        for defect in supervisor.defects.all():
            defects[defect.place, defect.kind] += defect.count
        yield _counter(
            "defects", "what nothing foresaw, since the hub started", ["place", "kind"],
            ((*key, number) for key, number in defects.items()),
        )  # fmt: skip


def _labels(series: Any) -> tuple[str, str, str, str]:
    return series.device, series.service, str(series.index), series.characteristic


def _reported(
    devices: Iterable[DeviceGlance], member: str, scale: float
) -> Iterator[tuple[str, float]]:
    for device in devices:
        value = device.report.get(member)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield device.device, value * scale


def _gauge(name: str, meaning: str, labels: list[str], rows: Iterable[tuple[Any, ...]]) -> Metric:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  # as above

    return _filled(GaugeMetricFamily(f"dormouse_{name}", meaning, labels=labels), rows)


def _counter(name: str, meaning: str, labels: list[str], rows: Iterable[tuple[Any, ...]]) -> Metric:
    from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415  # as above

    return _filled(CounterMetricFamily(f"dormouse_{name}", meaning, labels=labels), rows)


def _filled(family: Any, rows: Iterable[tuple[Any, ...]]) -> Metric:
    """A metric with its samples; the last of each row is the value."""
    for *labels, value in rows:
        family.add_metric(labels, value)
    filled: Metric = family
    return filled
