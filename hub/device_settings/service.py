"""The wanted settings of every tenant, kept in step with broker and reports."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

import psycopg
from psycopg_pool import PoolTimeout

from contracts.topics import Report
from hub.database.database import Store
from hub.device_settings.configs import Configs
from hub.mqtt.errors import NotConnectedError
from hub.mqtt.source import Delivery, MqttSource

__all__ = ["ConfigService"]

log = logging.getLogger(__name__)


class ConfigService:
    """Publishes what is wanted at every connection to the broker, and hears of reports.

    `tenant_of` says whose a device is.
    """

    RETRY_S = 1.0

    def __init__(self, store: Store, source: MqttSource, tenant_of: Callable[[str], str]) -> None:
        self._store = store
        self._source = source
        self._tenant_of = tenant_of
        self._configs: dict[str, Configs] = {}
        self._task: asyncio.Task[None] | None = None

    def of(self, tenant: str) -> Configs:
        """The wanted settings of a tenant's devices."""
        if tenant not in self._configs:
            self._configs[tenant] = Configs(self._store, tenant, self._source.publish)
        return self._configs[tenant]

    async def change(
        self, tenant: str, device: str, changes: Mapping[str, object], *, who: str, why: str
    ) -> int:
        """See Configs.want."""
        return await self.of(tenant).want(device, changes, who=who, why=why)

    async def replaced(self, tenant: str, old: str, new: str) -> None:
        """See Configs.replaced."""
        await self.of(tenant).replaced(old, new)

    async def start(self) -> None:
        """Publish whenever a connection to the broker begins: it may have lost what it kept."""
        self._task = asyncio.create_task(self._keep_published())

    async def stop(self) -> None:
        """Publish no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def report(self, report: Report, delivery: Delivery) -> None:
        """A device said which version it runs; a handler for Listener.on."""
        if not delivery.retained:
            problems = report.raw.get("problems")
            await self.of(self._tenant_of(report.device)).reported(
                report.device,
                report.config,
                delivery.at,
                problems if isinstance(problems, list) else (),
            )

    async def _keep_published(self) -> None:
        while True:
            await self._source.connected.wait()
            try:
                for tenant in await self._store.tenants():
                    await self.of(tenant).publish_all()
            except (NotConnectedError, psycopg.Error, PoolTimeout, OSError) as error:
                log.debug("settings are published later: %s", error)
                await asyncio.sleep(self.RETRY_S)
            else:
                await self._source.lost.wait()
