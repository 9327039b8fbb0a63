"""Devices as Apple Home sees them: a set of HomeKit bridges for one tenant.

Readings come in by `update`; accessories appear, grow and go by themselves. What a controller
writes goes out by `command`. Ids are kept before anything that uses them is shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from contracts.homekit.definitions import INFORMATION, belongs
from contracts.homekit.values import BadValue, parse
from contracts.reading import Reading, SeriesKey, Value
from hub.database.errors import DatabaseAwayError
from hub.homekit.accessory import PRESS
from hub.homekit.driver import Driver
from hub.homekit.errors import UnknownDeviceError, UnreachableDeviceError
from hub.homekit.growth import Growth
from hub.homekit.identity import Identities, part
from hub.homekit.keeper import Keeper
from hub.homekit.model import DeviceModel, UnshownPart
from hub.homekit.network import Advertiser, addresses
from hub.homekit.pairing import PairingInfo
from hub.homekit.presence import Patience, Presences, ReportLike
from hub.homekit.state import BridgeRecord, HomeKitState
from hub.homekit.tree import Tree
from hub.homekit.writes import SUCCESS, CommandStyle, Writes
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["Bridge", "Command", "PairingInfo", "ReportLike"]

log = logging.getLogger(__name__)

Command = Callable[[SeriesKey, str], Awaitable[None]]


class Bridge:
    """The bridge set of one tenant, from `start` to `stop`, on the running loop.

    `port` is the first bridge's, further bridges take the ports after it; 0 picks free ones.
    `zeroconf` is an AsyncZeroconf to share (ours when None). `command_style` says how a device
    takes commands. `desired` keeps a command for a sleeping device (None takes it back).
    `forget_after` is how long, in seconds, a device may be silent before it is removed; None: it
    never is.
    """

    def __init__(
        self,
        state: HomeKitState,
        command: Command,
        *,
        host: str,
        port: int,
        name: str = "Dormouse",
        zeroconf: Any = None,
        desired: Callable[[SeriesKey, str | None], Awaitable[None]] | None = None,
        command_style: Callable[[str], CommandStyle] | None = None,
        patience: Patience | None = None,
        forget_after: float | None = None,
        settle: float = 0.25,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._state = state
        self._host, self._port, self._name = host, port, name
        self._advertiser = Advertiser(host, zeroconf)
        self._settle, self._forget_after = settle, forget_after
        self._presences = Presences(patience or Patience())
        supervisor = supervisor or Supervisor()
        self._tasks = supervisor.tasks(PartRole.BRIDGE)
        self._writes = Writes(
            command,
            desired,
            show=self._show_again,
            applied=functools.partial(self._take, live=False),
            command_style=command_style or (lambda _: CommandStyle()),
            tasks=supervisor.tasks(PartRole.BRIDGE),
        )
        self._newest: dict[SeriesKey, datetime] = {}
        self._tree: Tree | None = None
        self._keeper: Keeper | None = None
        self._growth: Growth | None = None

    # --- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Show everything known, as it was. Raises BridgePortTakenError."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        saved = await self._state.load()
        identities = Identities(saved.bridges, saved.accessories)
        self._tree = tree = Tree(
            identities,
            self._name,
            make_driver=self._make_driver,
            current=self._current,
            available=lambda device: self._presences.of(device).available,
            write=self._write,
        )
        for key, value in saved.values.items():
            self._model(key.device).put(key, value)
        for record in saved.presence:
            self._presences.of(record.device).restore(record)
        self._keeper = Keeper(self._state, identities, self._presences.record)
        self._advertiser.open()
        self._growth = Growth(
            tree, self._keeper, self._show, settle=self._settle, defects=self._tasks.defects
        )
        for driver in await self._growth.show(list(tree.models)):
            await driver.start()
        self._tasks.loop("showing devices in HomeKit", self._growth.run)
        self._tasks.loop("keeping HomeKit's state", self._keeper.run)
        if self._forget_after is not None:
            forget = functools.partial(self._forget_silent, self._forget_after)
            self._tasks.loop("removing silent devices from HomeKit", forget)

    async def stop(self) -> None:
        """Keep what is new, close connections, leave the network."""
        await self._tasks.stop()
        await self._writes.stop()
        if self._tree is not None:
            await asyncio.gather(*(driver.stop() for driver in self._tree.drivers.values()))
            await self._save_last()
        await self._advertiser.close()

    async def _save_last(self) -> None:
        try:
            await self.keeper.save()
        except DatabaseAwayError as error:
            log.warning("homekit: the last changes were not saved: %s", error.reason)
        except Exception as error:  # noqa: BLE001  # noted; the rest of the hub is still to be stopped
            self._tasks.defects.note("keeping HomeKit's state", error)

    @property
    def tree(self) -> Tree:
        """What is shown; there is one once the bridge was started."""
        if self._tree is None:
            raise RuntimeError("the bridge was not started")
        return self._tree

    @property
    def keeper(self) -> Keeper:
        """What keeps the state; there is one once the bridge was started."""
        if self._keeper is None:
            raise RuntimeError("the bridge was not started")
        return self._keeper

    @property
    def growth(self) -> Growth:
        """What changes the tree; there is one once the bridge was started."""
        if self._growth is None:
            raise RuntimeError("the bridge was not started")
        return self._growth

    # --- what devices say ---------------------------------------------------------------------

    def update(self, reading: Reading, *, live: bool) -> None:
        """Take a reading whose value was parsed; it is shown before this returns.

        `live` is False for a replayed retained message and for a reading that is not the newest:
        that never counts as seen, presses no button, and never replaces a newer value.
        """
        key = reading.series
        if live:
            # A batch that waited in the broker says that the device was there, not that it is.
            waited = (datetime.now(UTC) - reading.at).total_seconds() if reading.identity else 0
            self._presences.of(key.device).received(waited)
            self.keeper.presence_changed(key.device)
        newest = self._newest.get(key)
        # A plain topic's message is as new as it can be, whatever was done to the clock.
        plain = live and reading.identity is None
        if not plain and newest is not None and reading.at < newest:
            return
        if key.characteristic == PRESS and key in self.tree.shown:
            if live and not reading.redelivered:
                self._show(key, reading.value)
            return
        self._newest[key] = reading.at
        self._take(key, reading.value, live=live)

    def report(self, device: str, report: ReportLike, *, live: bool, waited: float = 0) -> None:
        """Take a device's report, made so many seconds ago: next wake, firmware and model."""
        self._presences.of(device).will_wake(report.next_wake_s, live=live, ago=waited)
        self.keeper.presence_changed(device)
        for characteristic, fact in (
            ("FirmwareRevision", report.firmware),
            ("Model", report.model),
        ):
            key = SeriesKey(device, INFORMATION, 0, characteristic)
            with contextlib.suppress(BadValue):  # a report may say what HomeKit cannot
                if fact is not None:
                    self._take(key, parse(INFORMATION, characteristic, fact), live=live)

    def online(self, device: str, online: bool, *, live: bool) -> None:
        """Take what a device's last will says."""
        self._presences.of(device).is_online(online, live=live)
        self.keeper.presence_changed(device)

    def remove(self, key_or_device: SeriesKey | str) -> None:
        """Take a device out of HomeKit; it may come back, and is then given its own ids again."""
        device = key_or_device if isinstance(key_or_device, str) else key_or_device.device
        tree = self.tree
        tree.forget(device)
        self._presences.forget(device)
        for key in [key for key in self._newest if key.device == device]:
            del self._newest[key]
        self._writes.forget(device)
        self.keeper.forget(device)
        self.growth.forget(device)
        self.growth.grow(device)
        tree.identities.remove(device)

    # --- what people ask ----------------------------------------------------------------------

    def pairings(self) -> list[PairingInfo]:
        """How to pair each bridge of the set, and who did."""
        return [
            PairingInfo(
                number=number,
                name=self.tree.bridge_name(number),
                port=driver.state.port,
                pin=driver.state.pincode.decode(),
                uri=driver.accessory.xhm_uri(),
                controllers=tuple(str(client) for client in driver.state.paired_clients),
            )
            for number, driver in sorted(self.tree.drivers.items())
            if driver.started
        ]

    def unpair(self, controller: str | None = None) -> int:
        """Forget one controller, or all; how many pairings ended."""
        return sum(driver.forget(controller) for driver in self.tree.drivers.values())

    def send_command(self, key: SeriesKey, value: Value) -> bool:
        """Send a device what somebody wants, as if a controller had written it.

        False: it sleeps, and gets it when it wakes. Raises UnknownDeviceError where HomeKit has no
        place for it, UnreachableDeviceError when it is known to be offline.
        """
        if not self.has(key.device):
            raise UnknownDeviceError(key.device)
        if self._write(key, value, ("", 0)) != SUCCESS:
            raise UnreachableDeviceError(key.device)
        return not self._presences.of(key.device).sleeps

    def replace(self, old: str, new: str) -> None:
        """Let `new` take the place of `old` in HomeKit: same accessory, room and automations.

        Raises UnknownDeviceError when `old` has no place there.
        """
        identities = self.tree.identities
        if not self.has(old):
            raise UnknownDeviceError(old)
        named = {
            key: value
            for key, value in self._model(old).values.items()
            if key.characteristic in {"Name", "ConfiguredName"}
        }
        for device in (old, new):
            self.tree.hide(device)
        values = self.tree.models.get(new) or self._model(old)
        identities.replace(old, new)
        for device in (old, new):
            self.tree.forget(device)
            self.keeper.forget(device)
        self._presences.forget(old)
        self.growth.forget(old)
        for key, value in [*values.values.items(), *named.items()]:
            self._take(dataclasses.replace(key, device=new), value, live=False)
        self.growth.grow(new)

    def accessories(self) -> list[dict[str, Any]]:
        """The tree as people read it."""
        return self.tree.described()

    def names(self) -> Mapping[str, str]:
        """What each shown device is called."""
        return self.growth.names

    def unshown(self) -> list[UnshownPart]:
        """What is not shown, and why."""
        return [unshown for device in self.tree.unshown.values() for unshown in device]

    def has(self, device: str) -> bool:
        """Whether HomeKit has a place for the device."""
        record = self.tree.identities.accessories.get(device)
        return record is not None and not record.removed

    def model_of(self, device: str) -> str | None:
        """What kind of device it says it is."""
        model = self.tree.models.get(device)
        value = model and model.values.get(SeriesKey(device, INFORMATION, 0, "Model"))
        return str(value) if value else None

    def available(self, device: str) -> bool:
        """Whether HomeKit shows the device's values rather than "No Response"."""
        return self._presences.available(device)

    def online_of(self, device: str) -> bool | None:
        """What the device's last will says; None when it has none."""
        return self._presences.online(device)

    # --- values -------------------------------------------------------------------------------

    def _take(self, key: SeriesKey, value: Value, *, live: bool) -> None:
        if not belongs(key.service, key.characteristic):
            return
        if self._named(key) and live:
            return
        model = self._model(key.device)
        before = model.values.get(key)
        model.put(key, value)
        self.keeper.value(key, value)
        # A name may clash with another device's, so it is settled with the whole tree in view.
        if before is None or (key.characteristic == "Name" and value != before):
            self.growth.grow(key.device)
        if live:
            self._writes.received(key, value, self.tree.identities)
        shown = self.tree.shown
        if key not in shown:
            return
        accessory = self.tree.accessory(key.device)
        for touched in model.touched(key, accessory.shown if accessory else ()):
            if touched in shown and touched not in self._writes.pending:
                self._show(touched, self._current(touched))

    def _named(self, key: SeriesKey) -> bool:
        """Whether it is a name that HomeKit wrote."""
        if key.characteristic != "ConfiguredName":
            return False
        record = self.tree.identities.accessories.get(key.device)
        return record is not None and part(key.service, key.index) in record.named

    def _show(self, key: SeriesKey, value: Value) -> None:
        """Hold a value and tell those who subscribed."""
        shown = self.tree.shown[key]
        if shown.show(value):
            shown_value = value if key.characteristic == PRESS else shown.value
            shown.broker.publish(shown_value, shown, None, shown.kind.immediate)

    def _current(self, key: SeriesKey) -> Value:
        pending = self._writes.pending.get(key)
        if pending is not None:
            return pending
        if key.service == INFORMATION and key.characteristic == "Name":
            return self.growth.names.get(key.device) or self._model(key.device).value(key)
        if key.service == INFORMATION and key.characteristic == "SerialNumber":
            # Not the device's word: two with one serial number would cost the home its bridge.
            return self.tree.identities.accessories[key.device].serial
        return self._model(key.device).value(key)

    def _model(self, device: str) -> DeviceModel:
        model = self.tree.models.get(device)
        if model is None:
            model = self.tree.models[device] = DeviceModel(device)
        return model

    def _write(self, key: SeriesKey, value: Value, client: tuple[str, int]) -> int:
        """What a controller wrote; the HAP status it is answered with."""
        identities = self.tree.identities
        if key.characteristic == "ConfiguredName":
            # A name is HomeKit's own business; from now on the device's word does not change it.
            identities.name_service(key.device, part(key.service, key.index))
            self._take(key, value, live=False)
            return SUCCESS
        return self._writes.write(key, value, client, self._presences.of(key.device), identities)

    def _show_again(self, key: SeriesKey, but: tuple[str, int] | None) -> None:
        """Tell everyone what is shown now, whether they knew or not, all but one address."""
        shown = self.tree.shown.get(key)
        if shown is not None:
            shown.show(self._current(key))
            shown.broker.publish(shown.value, shown, but, shown.kind.immediate)

    # --- keeping ------------------------------------------------------------------------------

    async def _forget_silent(self, after: float) -> None:
        """Remove devices that were silent for so long; looks ten times in that period."""
        while True:
            await asyncio.sleep(after / 10)
            for device, silence in self._presences.silent(after):
                log.info("homekit: %s was silent for %.0f s: removed", device, silence)
                self.remove(device)

    def _make_driver(self, record: BridgeRecord) -> Driver:
        return Driver(
            record,
            host=self._host,
            port=self._port and self._port + record.number,
            addresses=addresses(self._host),
            advertiser=self._advertiser,
            changed=self._driver_changed,
        )

    def _driver_changed(self, number: int, members: Mapping[str, Any]) -> None:
        identities = self.tree.identities
        identities.keep(identities.bridges[number].model_copy(update=members))
        self._tasks.spawn("keeping HomeKit's pairings", self.keeper.until_saved())
