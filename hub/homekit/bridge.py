"""Devices as Apple Home sees them: a set of HomeKit bridges for one tenant.

Readings come in by `update`; accessories appear, grow and go by themselves. What a controller
writes goes out by `command`. Ids are kept before anything that uses them is shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from contracts.homekit.definitions import INFORMATION
from contracts.homekit.values import BadValue, parse
from contracts.reading import Reading, SeriesKey, Value
from hub.database.errors import DatabaseAwayError
from hub.homekit.accessory import PRESS
from hub.homekit.connection import Address
from hub.homekit.display import Display
from hub.homekit.driver import Driver
from hub.homekit.errors import UnknownDeviceError, UnreachableDeviceError
from hub.homekit.growth import Growth
from hub.homekit.identity import Identities, part
from hub.homekit.keeper import Keeper
from hub.homekit.members import Members
from hub.homekit.model import UnshownPart
from hub.homekit.network import Advertiser
from hub.homekit.pairing import PairingInfo, pairing_infos
from hub.homekit.presence import Patience, Presences, ReportLike
from hub.homekit.state import BridgeRecord, HomeKitState
from hub.homekit.styles import SeriesStyles
from hub.homekit.tree import Tree
from hub.homekit.writes import SUCCESS, CommandStyle, Writes
from hub.runtime.connections import Connections
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["Bridge", "Command", "PairingInfo", "ReportLike"]

log = logging.getLogger(__name__)

Command = Callable[[SeriesKey, str], Awaitable[None]]

PRESS_S = 5.0
"""s; an older press of a button does nothing: a light that goes on by itself frightens."""


class Bridge:
    """The bridge set of one tenant, from `start` to `stop`, on the running loop.

    `port` is the first bridge's, further bridges take the ports after it; 0 picks free ones.
    `zeroconf` is an AsyncZeroconf to share (ours when None), `interfaces` what it is announced on
    (see Advertiser). `command_style` says how a device takes commands, `styles` what rules say of
    its series. `desired` keeps a command for a sleeping device (None takes it back). One silent
    for `forget_after` seconds is removed (None: never). `limits` bounds controllers' connections.
    `told` is called with every value that controllers are told of, `regrown` when others are shown.
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
        interfaces: Sequence[str] = (),
        desired: Callable[[SeriesKey, str | None], Awaitable[None]] | None = None,
        command_style: Callable[[str], CommandStyle] | None = None,
        patience: Patience | None = None,
        styles: SeriesStyles | None = None,
        forget_after: float | None = None,
        settle: float = 0.25,
        supervisor: Supervisor | None = None,
        limits: Connections | None = None,
        told: Callable[[SeriesKey, Value], None] = lambda _key, _value: None,
        regrown: Callable[[], None] = lambda: None,
    ) -> None:
        self._state, self._told, self._regrown = state, told, regrown
        self._host, self._port, self._name, self._limits = host, port, name, limits
        self.advertiser = Advertiser(host, zeroconf, names=interfaces)
        self._settle, self._forget_after = settle, forget_after
        self._styles = styles or SeriesStyles()
        self._presences = Presences(patience or Patience(), self._styles.silent_after)
        self._command_style = command_style or (lambda _: CommandStyle())
        supervisor = supervisor or Supervisor()
        self._tasks = supervisor.tasks(PartRole.BRIDGE)
        self._writes = Writes(
            command,
            desired,
            show=self._show_again,
            applied=self._applied,
            command_style=self._command_style,
            tasks=supervisor.tasks(PartRole.BRIDGE),
        )
        self._newest: dict[SeriesKey, datetime] = {}
        self._tree: Tree | None = None
        self._keeper: Keeper | None = None
        self._growth: Growth | None = None
        self._display: Display | None = None
        self._members: Members | None = None

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
            styles=self._styles,
        )
        for key, value in saved.values.items():
            record = identities.accessories.get(key.device)
            if record is None or part(key.service, key.index) not in record.gone:
                tree.model(key.device).put(key, value, saved.measured.get(key))
        for presence in saved.presence:
            self._presences.of(presence.device).restore(presence)
        self._keeper = Keeper(self._state, identities, self._presences.record)
        self._display = display = Display(
            tree,
            self._keeper,
            self._writes,
            lambda: self.growth,
            presence=self._presences.of,
            command_style=self._command_style,
            told=self._told,
        )
        display.restored()
        await self.advertiser.open()
        self._growth = Growth(
            tree,
            self._keeper,
            display.show,
            settle=self._settle,
            regrown=self._regrown,
            defects=self._tasks.defects,
        )
        self._members = Members(
            tree,
            self._keeper,
            self._growth,
            display,
            presences=self._presences,
            writes=self._writes,
            newest=self._newest,
        )
        for driver in await self._growth.show(list(tree.models)):
            await driver.start()
        self._tasks.loop("showing devices in HomeKit", self._growth.run)
        self._tasks.loop("keeping HomeKit's state", self._keeper.run)
        follow = functools.partial(self.advertiser.follow, self._readdress)
        self._tasks.loop("following the network", follow)
        if self._forget_after is not None:
            forget = functools.partial(self._members.forget_silent, self._forget_after)
            self._tasks.loop("removing silent devices from HomeKit", forget)

    async def stop(self) -> None:
        """Keep what is new, close connections, leave the network."""
        await self._tasks.stop()
        await self._writes.stop()
        if self._display is not None:
            self._display.forget()
        if self._tree is not None:
            await asyncio.gather(*(driver.stop() for driver in self._tree.drivers.values()))
            await self._save_last()
        await self.advertiser.close()

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

    @property
    def display(self) -> Display:
        """What shows the values; there is one once the bridge was started."""
        if self._display is None:
            raise RuntimeError("the bridge was not started")
        return self._display

    @property
    def members(self) -> Members:
        """Who is shown; there is one once the bridge was started."""
        if self._members is None:
            raise RuntimeError("the bridge was not started")
        return self._members

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
        # A plain topic's is as new as can be; what is of the future, a wrong clock has dated.
        plain = live and reading.identity is None
        if not plain and newest is not None and reading.at < newest <= datetime.now(UTC):
            return
        if key.characteristic == PRESS and key in self.tree.shown:
            age = max(reading.waited, (datetime.now(UTC) - reading.at).total_seconds())
            if live and not reading.redelivered and age <= PRESS_S:
                self.display.press(key, reading.value)
            return
        self._newest[key] = reading.at
        self.display.take(key, reading.value, live=live, at=reading.at)

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
                    self.display.take(key, parse(INFORMATION, characteristic, fact), live=live)

    def online(
        self, device: str, online: bool | None, *, live: bool, vouched: bool | None = None
    ) -> None:
        """Take what a device's last will says; None: nothing any more.

        `vouched`: see Presence.is_online.
        """
        self._presences.of(device).is_online(online, live=live, vouched=vouched)
        if online and live:
            self._writes.reconnected(device)
        self.keeper.presence_changed(device)

    def remove(self, key_or_device: SeriesKey | str) -> None:
        """Take a device out of HomeKit; it may come back, and is then given its own ids again."""
        device = key_or_device if isinstance(key_or_device, str) else key_or_device.device
        self.members.remove(device)

    def remove_service(self, device: str, service: str, index: int) -> None:
        """Take one service of a device out of HomeKit, with its last one the device.

        It stays away until it is heard live.
        """
        self.members.remove_service(device, service, index)

    # --- what people ask ----------------------------------------------------------------------

    def pairings(self) -> list[PairingInfo]:
        """How to pair each bridge of the set, and who did."""
        return pairing_infos(self.tree.drivers)

    def unpair(self, controller: str | None = None) -> int:
        """Forget one controller, or all; how many pairings ended."""
        return sum(driver.forget(controller) for driver in self.tree.drivers.values())

    def unlock(self) -> int:
        """Take pairing codes again after too many wrong ones; how many had been told any."""
        return sum(driver.pair_setup.allow() for driver in self.tree.drivers.values())

    def send_command(self, key: SeriesKey, value: Value) -> bool:
        """Send a device what somebody wants, as if a controller had written it.

        False: it sleeps, and gets it when it wakes. Raises UnknownDeviceError where HomeKit has no
        place for it, UnreachableDeviceError when it is known to be offline.
        """
        if not self.has(key.device):
            raise UnknownDeviceError(key.device)
        if self.display.write(key, value, ("", 0)) != SUCCESS:
            raise UnreachableDeviceError(key.device)
        return not self._presences.of(key.device).sleeps

    def replace(self, old: str, new: str) -> None:
        """Let `new` take the place of `old` in HomeKit: same accessory, room and automations.

        Raises UnknownDeviceError when `old` has no place there.
        """
        self.members.replace(old, new)

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
        return self.members.has(device)

    def knows(self, series: SeriesKey) -> bool:
        """Whether a value of the series was taken."""
        model = self.tree.models.get(series.device)
        return model is not None and series in model.values

    def settable(self, series: SeriesKey) -> bool:
        """Whether the series' device can be told a value for it."""
        return self.tree.limits.writable(series)

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

    def desired_of(self, device: str) -> Mapping[str, str]:
        """What a sleeping device is to be told when it wakes, by the name of the part."""
        record = self.tree.identities.accessories.get(device)
        return record.desired if record is not None and not record.removed else {}

    # --- asked by parts that are made before there is a display --------------------------------

    def _current(self, key: SeriesKey) -> Value:
        return self.display.current(key)

    def _write(self, key: SeriesKey, value: Value, client: Address) -> int:
        return self.display.write(key, value, client)

    def _show_again(self, key: SeriesKey, but: Address | None) -> None:
        self.display.show_again(key, but)

    def _applied(self, key: SeriesKey, value: Value) -> None:
        self.display.applied(key, value)

    # --- keeping ------------------------------------------------------------------------------

    def _make_driver(self, record: BridgeRecord) -> Driver:
        return Driver(
            record,
            host=self._host,
            port=self._port and self._port + record.number,
            addresses=self.advertiser.addresses,
            advertiser=self.advertiser,
            changed=self._driver_changed,
            limits=self._limits,
        )

    def _readdress(self) -> None:
        for driver in self.tree.drivers.values():
            if driver.started:
                driver.readdress(self.advertiser.addresses)

    def _driver_changed(self, number: int, members: Mapping[str, Any]) -> None:
        identities = self.tree.identities
        identities.keep(identities.bridges[number].model_copy(update=members))
        self._tasks.spawn("keeping HomeKit's pairings", self.keeper.until_saved())
