"""What is said to Home Assistant, when; and what it wants, done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from contracts import topics
from contracts.homekit.values import BadValue, parse
from contracts.reading import SeriesKey, Value
from hub.database.errors import DatabaseAwayError
from hub.errors import HubError
from hub.homeassistant.combined import parts
from hub.homeassistant.mirror import ONLINE, Mirror
from hub.homeassistant.told_topics import Kept, ToldTopics
from hub.homekit.accessory import PRESS
from hub.homekit.bridge import Bridge
from hub.mqtt.connection import BrokerConnection
from hub.mqtt.delivery import Delivery, Source
from hub.mqtt.errors import NotConnectedError
from hub.mqtt.service import OFFLINE
from hub.runtime.problems import Problems
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["HomeAssistant"]

log = logging.getLogger(__name__)

# s: how soon a device that fell silent is shown as such; a value that is news does not wait for it.
_LOOK_S = 1.0
# s: where nobody is told anything.
_NOTHING_TOLD_S = 15.0
# s: an older wish is not done any more, as with a button's press.
_LATE_S = 5.0


class MirrorSource(Source, BrokerConnection, Protocol):
    """What is needed of hub.mqtt.source.MqttSource."""


class HomeAssistant:
    """One hub's devices for Home Assistant and openHAB, from `start` to `stop`.

    What each tenant's Apple home is shown is said again under topics.MIRROR, with a configuration
    for each entity under `prefix`. An empty prefix takes back what was said before. `bridges` gives
    the bridge sets by tenant; `kept` remembers the configurations of a tenant, so that those of a
    device that has gone are removed even if the hub was not running then.
    """

    def __init__(
        self,
        prefix: str,
        source: MirrorSource,
        bridges: Callable[[], Mapping[str, Bridge]],
        kept: Callable[[str], Kept],
        *,
        version: str,
        problems: Problems,
        supervisor: Supervisor,
    ) -> None:
        self._prefix, self._source, self._bridges, self._kept = prefix, source, bridges, kept
        self._version, self._problems = version, problems
        self._tasks = supervisor.tasks(PartRole.DUTIES)
        self._news: dict[tuple[str, SeriesKey], Value] = {}
        self._presses: list[tuple[str, SeriesKey, Value]] = []
        self._regrown: set[str] = set()
        self._wake = asyncio.Event()
        self._mirrors: dict[str, Mirror] = {}

    async def start(self) -> None:
        """Begin to tell, in the background."""
        self._tasks.loop("telling Home Assistant", self._run)

    async def stop(self) -> None:
        """Say that the hub is leaving."""
        await self._tasks.stop()
        if self._prefix and self._source.connected.is_set():
            try:
                await self._source.publish(topics.MIRROR_HUB, OFFLINE, retain=True)
            except NotConnectedError:
                return  # its last will says so

    # --- news ---------------------------------------------------------------------------------

    def told(self, tenant: str, key: SeriesKey, value: Value) -> None:
        """Controllers of a tenant's home were told a value."""
        if not self._prefix:
            return
        if key.characteristic == PRESS:
            self._presses.append((tenant, key, value))
        else:
            self._news[tenant, key] = value
        self._wake.set()

    def regrown(self, tenant: str) -> None:
        """Other devices of a tenant are shown, or others of their parts."""
        if self._prefix:
            self._regrown.add(tenant)
            self._wake.set()

    def command(self, delivery: Delivery) -> None:
        """A handler for Listener.on_topic: what somebody wants of a device."""
        levels = delivery.topic.split("/")
        if delivery.retained or delivery.waited > _LATE_S or len(levels) != 7:
            return
        _, tenant, device, service, index, name, _ = levels
        bridge = self._bridges().get(tenant)
        if bridge is None or not index.isdecimal() or not bridge.has(device):
            self._problems.note("command", None, f"nothing is there: {delivery.topic[:80]}")
            return
        try:
            for characteristic, wanted in parts(service, name, delivery.payload.decode()):
                key = SeriesKey(device, service, int(index), characteristic)
                if key not in bridge.tree.shown or not bridge.settable(key):
                    self._problems.note("command", device, f"nobody can set {key.name}"[:200])
                    return
                bridge.send_command(key, parse(service, characteristic, wanted))
        except (HubError, BadValue, UnicodeDecodeError) as error:
            self._problems.note("command", device, str(error)[:200])

    # --- telling ------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Everything at each connection, then what is news, until cancelled."""
        while True:
            await self._source.connected.wait()
            # From now on: a connection that is lost for a moment must not go unnoticed.
            lost = asyncio.ensure_future(self._source.lost.wait())
            try:
                await self._tell_all()
                while not lost.done():
                    await self._tell_news()
                    await self._until_news()
            except NotConnectedError:
                await asyncio.wait([lost], timeout=_LOOK_S)
            except DatabaseAwayError as error:
                log.warning("Home Assistant is told later: %s", error.reason)
                await asyncio.sleep(_LOOK_S)
            finally:
                lost.cancel()

    async def _until_news(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_S if self._prefix else _NOTHING_TOLD_S):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _tell_all(self) -> None:
        """A broker that was away may have lost what it was told."""
        self._mirrors.clear()
        if self._prefix:
            await self._source.publish(topics.MIRROR_HUB, ONLINE, retain=True)
        for tenant in list(self._bridges()):
            await (await self._mirror(tenant)).tell_devices()

    async def _mirror(self, tenant: str) -> Mirror:
        mirror = self._mirrors.get(tenant)
        if mirror is None:
            told = ToldTopics(self._kept(tenant))
            await told.load()
            mirror = Mirror(
                tenant,
                self._prefix,
                self._version,
                publish=self._source.publish,
                bridge=lambda: self._bridges()[tenant],
                told=told,
            )
            self._mirrors[tenant] = mirror
        return mirror

    async def _tell_news(self) -> None:
        regrown, self._regrown = self._regrown, set()
        for tenant in regrown & self._bridges().keys():
            await (await self._mirror(tenant)).tell_devices()
        news, self._news = self._news, {}
        for (tenant, key), value in news.items():
            await (await self._mirror(tenant)).tell_value(key, value)
        presses, self._presses = self._presses, []
        for tenant, key, value in presses:
            await (await self._mirror(tenant)).tell_press(key, value)
        for mirror in self._mirrors.values():
            await mirror.tell_presence()
