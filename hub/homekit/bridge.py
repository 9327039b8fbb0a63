"""Devices as Apple Home sees them: a set of HomeKit bridges for one tenant.

Readings come in by `update`; accessories appear, grow and go by themselves. What a controller
writes goes out by `command`. Ids are kept before anything that uses them is shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pyhap.const import HAP_SERVER_STATUS

from hub.homekit.accessory import PRESS
from hub.homekit.commands import Pending, as_text
from hub.homekit.driver import Driver
from hub.homekit.identity import Identities, part
from hub.homekit.keeper import Keeper
from hub.homekit.model import DeviceModel, Held
from hub.homekit.network import Advertiser, addresses
from hub.homekit.presence import Patience, Presence
from hub.homekit.registry import CHARACTERISTICS, INFORMATION, belongs
from hub.homekit.state import BridgeRecord, HomeKitState, PresenceRecord
from hub.homekit.tree import Tree
from hub.homekit.values import BadValue, parse
from hub.reading import Reading, SeriesKey, Value

__all__ = ["Bridge", "Command", "PairingInfo", "ReportLike"]

log = logging.getLogger(__name__)

Command = Callable[[SeriesKey, str], Awaitable[None]]

# A device's first messages come in one burst; one change of the tree is enough for all of them.
_SETTLE = 0.25
_SUCCESS = int(HAP_SERVER_STATUS.SUCCESS)
_OFFLINE = int(HAP_SERVER_STATUS.SERVICE_COMMUNICATION_FAILURE)


class ReportLike(Protocol):
    """What the bridge reads of a `$report`."""

    @property
    def firmware(self) -> str | None:
        """Version of the firmware."""
        ...

    @property
    def model(self) -> str | None:
        """Kind of device."""
        ...

    @property
    def next_wake_s(self) -> float | None:
        """Seconds until it wakes again; None: it stays awake."""
        ...


@dataclass(frozen=True, slots=True)
class PairingInfo:
    """What a person needs to pair one bridge of the set; `uri` is for the QR code."""

    number: int
    name: str
    port: int
    pin: str
    uri: str
    controllers: tuple[str, ...]


class Bridge:
    """The bridge set of one tenant, from `start` to `stop`, on the running loop.

    `port` is the first bridge's, further bridges take the ports after it; 0 picks free ones.
    `zeroconf` is an AsyncZeroconf to share (ours when None). `confirm` is how long, in seconds, a
    written value is shown without the device's confirmation. `desired` keeps a command for a
    sleeping device (None takes it back).
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
        confirm: float = 5.0,
        patience: Patience | None = None,
        settle: float = _SETTLE,
    ) -> None:
        self._state, self._command, self._desired = state, command, desired
        self._host, self._port, self._name = host, port, name
        self._advertiser = Advertiser(host, zeroconf)
        self._confirm, self._settle = confirm, settle
        self._patience = patience or Patience()
        self._presence: dict[str, Presence] = {}
        self._pending = Pending(self._put_back)
        self._names: Mapping[str, str] = {}
        self._newest: dict[SeriesKey, datetime] = {}
        self._grown: dict[str, None] = {}
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tree: Tree | None = None
        self._keeper: Keeper | None = None

    # --- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Show everything known, as it was. Raises PortTakenError."""
        saved = await self._state.load()
        identities = Identities(saved.bridges, saved.accessories)
        self._tree = tree = Tree(
            identities,
            self._name,
            make_driver=self._make_driver,
            told=self._told,
            available=lambda device: self._present(device).available,
            write=self._write,
        )
        for key, value in saved.values.items():
            self._model(key.device).put(key, value)
        for record in saved.presence:
            self._present(record.device).restore(record)
        self._keeper = Keeper(self._state, identities, self._presence_record)
        self._advertiser.open()
        for driver in await self._show_devices(list(tree.models)):
            await driver.start()
        self._spawn(self._publish_changes())
        self._spawn(self._keeper.run())

    async def stop(self) -> None:
        """Keep what is new, close connections, leave the network."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pending.clear()
        if self._tree is not None:
            await asyncio.gather(*(driver.stop() for driver in self._tree.drivers.values()))
            with contextlib.suppress(Exception):  # the database may be gone already
                await self.keeper.save()
        await self._advertiser.close()

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

    # --- what devices say ---------------------------------------------------------------------

    def update(self, reading: Reading, *, live: bool) -> None:
        """Take a reading whose value was parsed; it is shown before this returns.

        `live` is False for a replayed retained message and for a reading that is not the newest:
        that never counts as seen, presses no button, and never replaces a newer value.
        """
        key = reading.series
        if live:
            self._present(key.device).heard()
            self.keeper.heard(key.device)
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

    def report(self, device: str, report: ReportLike, *, live: bool) -> None:
        """Take a device's report: when it wakes next, its firmware and model."""
        self._present(device).will_wake(report.next_wake_s, live=live)
        self.keeper.heard(device)
        for characteristic, said in (
            ("FirmwareRevision", report.firmware),
            ("Model", report.model),
        ):
            key = SeriesKey(device, INFORMATION, 0, characteristic)
            with contextlib.suppress(BadValue):  # a report may say what HomeKit cannot
                if said is not None:
                    self._take(key, parse(INFORMATION, characteristic, said), live=live)

    def online(self, device: str, online: bool, *, live: bool) -> None:
        """Take what a device's last will says."""
        self._present(device).is_online(online, live=live)
        self.keeper.heard(device)

    def remove(self, key_or_device: SeriesKey | str) -> None:
        """Take a device out of HomeKit; it may come back, and is then given its own ids again."""
        device = key_or_device if isinstance(key_or_device, str) else key_or_device.device
        tree = self.tree
        tree.forget(device)
        self._presence.pop(device, None)
        for key in [key for key in self._newest if key.device == device]:
            del self._newest[key]
            self._pending.settle(key)
        self.keeper.forget(device)
        self._grow(device)
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
        ]

    def unpair(self, controller: str | None = None) -> int:
        """Forget one controller, or all; how many pairings ended."""
        return sum(driver.forget(controller) for driver in self.tree.drivers.values())

    def accessories(self) -> list[dict[str, Any]]:
        """The tree as people read it."""
        return self.tree.described()

    def held(self) -> list[Held]:
        """What is not shown, and why."""
        return [held for device in self.tree.held.values() for held in device]

    def available(self, device: str) -> bool:
        """Whether HomeKit shows the device's values rather than "No Response"."""
        return device in self._presence and self._presence[device].available

    # --- values -------------------------------------------------------------------------------

    def _take(self, key: SeriesKey, value: Value, *, live: bool) -> None:
        if not belongs(key.service, key.characteristic):
            return
        model = self._model(key.device)
        before = model.values.get(key)
        model.put(key, value)
        self.keeper.value(key, value)
        # A name may clash with another device's, so it is settled with the whole tree in view.
        if before is None or (key.characteristic == "Name" and value != before):
            self._grow(key.device)
        if live and self._pending.get(key) == value:
            self._pending.settle(key)
        shown = self.tree.shown
        if key not in shown:
            return
        accessory = self.tree.accessory(key.device)
        for touched in model.touched(key, accessory.shown if accessory else ()):
            if touched in shown and touched not in self._pending:
                self._show(touched, self._told(touched))

    def _show(self, key: SeriesKey, value: Value, *, but: tuple[str, int] | None = None) -> None:
        """Hold a value and tell those who subscribed, all but one address."""
        shown = self.tree.shown[key]
        if shown.show(value):
            told = value if key.characteristic == PRESS else shown.value
            shown.broker.publish(told, shown, but, shown.kind.immediate)

    def _told(self, key: SeriesKey) -> Value:
        pending = self._pending.get(key)
        if pending is not None:
            return pending
        if key.service == INFORMATION and key.characteristic == "Name":
            return self._names.get(key.device) or self._model(key.device).value(key)
        if key.service == INFORMATION and key.characteristic == "SerialNumber":
            # Not the device's word: two with one serial number would cost the home its bridge.
            return self.tree.identities.accessories[key.device].serial
        return self._model(key.device).value(key)

    def _model(self, device: str) -> DeviceModel:
        model = self.tree.models.get(device)
        if model is None:
            model = self.tree.models[device] = DeviceModel(device)
        return model

    def _present(self, device: str) -> Presence:
        presence = self._presence.get(device)
        if presence is None:
            presence = self._presence[device] = Presence(device, self._patience)
        return presence

    # --- writes -------------------------------------------------------------------------------

    def _write(self, key: SeriesKey, value: Value, client: tuple[str, int]) -> int:
        """What a controller wrote; the HAP status it is answered with."""
        if key.characteristic == "ConfiguredName":
            self.tree.identities.name_service(key.device, part(key.service, key.index))
            self._take(key, value, live=False)
            return _SUCCESS
        presence = self._present(key.device)
        if presence.unreachable:
            return _OFFLINE
        if CHARACTERISTICS[key.characteristic].readable:
            self._pending.expect(key, value, self._confirm)
            self._show(key, value, but=client)
        self._spawn(self._send(key, value))
        return _SUCCESS

    async def _send(self, key: SeriesKey, value: Value) -> None:
        try:
            await self._command(key, as_text(value))
        except Exception as error:  # noqa: BLE001  # whatever it is: the device was not told
            log.warning("homekit: cannot send %s to %s: %s", key.characteristic, key.device, error)
            self._pending.give_up(key)

    def _put_back(self, key: SeriesKey) -> None:
        if key in self.tree.shown:
            self._show(key, self._told(key))

    # --- the tree and what is kept ------------------------------------------------------------

    def _grow(self, device: str) -> None:
        self._grown[device] = None
        self._changed.set()

    async def _publish_changes(self) -> None:
        """One change of the tree after another: keep the ids, show, move c#."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(self._settle)
            self._changed.clear()
            grown = list(self._grown)
            self._grown.clear()
            try:
                for driver in await self._show_devices(grown):
                    await driver.start()
                for driver in self.tree.drivers.values():
                    driver.refresh()
            except Exception:
                # Whatever it is, it must not end the growth of everything else.
                log.exception("homekit: cannot show %s", ", ".join(grown))

    async def _show_devices(self, devices: list[str]) -> list[Driver]:
        """Show devices (anew), without what fails the checklist; drivers made for it.

        Ids are kept before they are shown. Nothing waits between building and checking, so no
        controller ever sees what fails.
        """
        tree, made = self.tree, []
        while True:
            ready = tree.place(devices)
            if tree.identities.changed:
                await self.keeper.until_kept()
            self._names = tree.names()
            made += tree.build(device for device in ready if device in tree.models)
            faults = tree.faults()
            for device, fault in faults:
                log.warning("homekit: %s is held back: %s", device, fault.reason)
            devices = list({device: None for device, _ in faults})
            if not devices:
                break
        self._rename()
        return made

    def _rename(self) -> None:
        for device, name in self._names.items():
            key = SeriesKey(device, INFORMATION, 0, "Name")
            if key in self.tree.shown:
                self._show(key, name)

    def _presence_record(self, device: str) -> PresenceRecord | None:
        presence = self._presence.get(device)
        return None if presence is None else presence.record()

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
        self._spawn(self.keeper.until_kept())

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
