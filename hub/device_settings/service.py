"""The wanted settings of every tenant, kept in step with broker and reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from contracts.messages import Report
from hub.database.database import Database
from hub.device_settings.configs import DeviceSettings
from hub.device_settings.told_brokers import ToldBrokers
from hub.live import Live, LiveChange
from hub.mqtt.connection import at_every_connection
from hub.mqtt.delivery import Delivery, LinkedSource
from hub.mqtt.own_devices import IsOthers, nobody_elses, to_own_devices
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["SettingsService"]


class SettingsService:
    """Publishes what is wanted at every connection to the broker, and hears of reports.

    `tenant_of` says whose a device is; another's (`is_others`) is told nothing. `brokers` are
    further ones that all are told of ("": none). Open pages hear by `live` what devices took up.
    """

    def __init__(
        self,
        store: Database,
        source: LinkedSource,
        tenant_of: Callable[[str], str],
        supervisor: Supervisor | None = None,
        live: Live | None = None,
        *,
        is_others: IsOthers = nobody_elses,
        brokers: str = "",
    ) -> None:
        self._store = store
        self._source = source
        self._tenant_of, self._is_others = tenant_of, is_others
        self._brokers, self._live = ToldBrokers(brokers), live
        self._configs: dict[str, DeviceSettings] = {}
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.DUTIES)

    def of(self, tenant: str) -> DeviceSettings:
        """The wanted settings of a tenant's devices."""
        if tenant not in self._configs:
            publish = to_own_devices(self._source.publish, tenant, self._is_others)
            self._configs[tenant] = DeviceSettings(self._store.of(tenant), publish)
        return self._configs[tenant]

    async def change(
        self, tenant: str, device: str, changes: Mapping[str, object], *, who: str, why: str
    ) -> int:
        """See DeviceSettings.want."""
        return await self.of(tenant).request(device, changes, who=who, why=why)

    async def enrolled(self, tenant: str, device: str) -> None:
        """See DeviceSettings.enrolled; for AccountBook.on_added."""
        await self.of(tenant).enrolled(device)

    async def replaced(self, tenant: str, old: str, new: str) -> None:
        """See DeviceSettings.replaced."""
        await self.of(tenant).replaced(old, new)

    async def start(self) -> None:
        """Publish whenever a connection to the broker begins: it may have lost what it kept."""
        self._tasks.loop("publishing wanted settings", self._keep_published)

    async def stop(self) -> None:
        """Publish no more."""
        await self._tasks.stop()

    async def report(self, report: Report, delivery: Delivery) -> None:
        """A device said which version it runs; a handler for Listener.on."""
        if not delivery.retained:
            problems = report.raw.get("problems")
            tenant = self._tenant_of(report.device)
            settings = self.of(tenant)
            news = await settings.reported(
                report.device,
                report.config,
                delivery.at,
                problems if isinstance(problems, list) else (),
            )
            if news and self._live is not None:
                self._live.publish(tenant, LiveChange("settings", report.device))
            await self._brokers.heard(tenant, report.device, settings)

    async def _keep_published(self) -> None:
        await at_every_connection(self._source, "settings are published", self._publish_all)

    async def _publish_all(self) -> None:
        for tenant in await self._store.tenants():
            await self.of(tenant).publish_all()
