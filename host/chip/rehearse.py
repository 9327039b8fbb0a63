"""A build's whole life on the emulated chip, from an empty flash to an update that was cut.

Every step is what the device and the hub do by themselves: the portal is filled in over the chip's
own network, readings go to a real hub by its broker, and the hub streams the update.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from contracts.ota import canned, protocol
from host.chip import phone
from host.chip.build import ChipParts
from host.chip.errors import ChipFailedError
from host.chip.machine import EmulatedChip, Ended, Run, Typed
from host.chip.network import EmulatedNetwork
from host.chip.stations import Station
from host.chip.surroundings import AccessPoint, ChipSurroundings
from host.linked.checks import DRAM, DRAM_END

__all__ = ["HOME", "Rehearsal", "RehearsedHub"]

HOME = AccessPoint("rehearsal", "eight or more")
_PORTS = (1883, 1884)  # the firmware's own idea of the hub's, until it is told others
_LONGEST_US = 120_000_000
_SENSORS = [{"driver": "battery"}]
_INTERVAL_S = 60
# A device that has no settings yet waits for a visitor; it is typed to before one comes.
_PORTAL = "portal: join"


class RehearsedHub(Protocol):
    """What a rehearsal wants of a hub."""

    @property
    def ports(self) -> tuple[int, int]:
        """Its broker's and its enrolment's."""

    async def device(self, name: str) -> dict[str, Any] | None:
        """What it knows of a device: `report`, `values`; None for an unknown one."""

    async def update(self, name: str, image: bytes) -> int:
        """Begin to update a device to a canned image; the rollout's number."""

    async def outcome(self, number: int) -> dict[str, Any]:
        """How a rollout's only device is: `state` and more."""


@dataclass
class Rehearsal:
    """The chip's life so far; `tell` is given each station when it is over, and lines between."""

    parts: ChipParts
    chip: EmulatedChip
    hub: RehearsedHub
    tell: Callable[[Station | str], None]

    @classmethod
    def new(
        cls,
        parts: ChipParts,
        folder: Path,
        address: str,
        hub: RehearsedHub,
        tell: Callable[[Any], None],
    ) -> Rehearsal:
        """With an erased flash but for bootloader and application."""
        network = EmulatedNetwork(address, dict(zip(_PORTS, hub.ports, strict=True)))
        chip = EmulatedChip(
            folder, parts.rom, network, ChipSurroundings((HOME,)), shown=(DRAM, DRAM_END - DRAM)
        )
        chip.flash.write_bytes(parts.flash())
        return cls(parts, chip, hub, tell)

    @property
    def device(self) -> str:
        """Its id at the hub."""
        return "esp8266_" + self.chip.chip_id.to_bytes(4, "little").hex()

    async def first_start(self) -> None:
        """From an empty filesystem to settings: some are typed, the rest taken by the portal."""
        self.chip.power_on()
        sensors = json.dumps({"sensors": _SENSORS, "interval": _INTERVAL_S})
        typed = Typed(
            [
                (_PORTAL, "\x03"),
                (">>> ", "f=open('settings.json','w')\r"),
                (">>> ", f"f.write({sensors!r})\r"),
                (">>> ", "f.close()\r"),
                (">>> ", "import machine;machine.reset()\r"),
            ]
        )
        await self._run("empty flash, to the prompt", {Ended.RESTART}, typed=typed)
        titles: list[str] = []
        failed: list[BaseException] = []

        def visit() -> None:
            try:
                gateway = str(self.chip.network.gateway)
                fields = {"ssid": HOME.ssid, "key": HOME.key, "host": gateway, "name": "Rehearsal"}
                titles.extend(phone.fill_in(self.chip.network, **fields))
            except BaseException as error:  # noqa: BLE001  # told below
                failed.append(error)

        visitor = threading.Thread(target=visit, daemon=True)

        def each(_: int) -> bool:
            if not visitor.is_alive() and not titles and not failed and _PORTAL in self.chip.said():
                visitor.start()
            return bool(failed)

        await self._run("portal, filled in", {Ended.RESTART}, each=each)
        self.tell(f"portal: {' -> '.join(titles)}")

    async def first_wake(self) -> None:
        """The first of its wakes: it enrols, and the hub gets its values."""
        await self._run("first wake", {Ended.ASLEEP})
        known = await self._known(lambda device: bool(device["values"]))
        for value in known["values"]:
            self.tell(f"hub: {value['service']}/{value['characteristic']} {value['value']}")

    async def wakes(self, count: int = 2) -> Station:
        """Normal wakes after deep sleep, with nothing to wait for; the last of them."""
        around = self.chip.surroundings
        self.chip.surroundings = dataclasses.replace(around, join_us=0)
        try:
            for number in range(count):
                station = await self._run(f"wake {number + 2}", {Ended.ASLEEP})
        finally:
            self.chip.surroundings = around
        return station

    async def update(self, *, cut: int = 0) -> None:
        """An update through the hub; `cut` is the flash operation at which its power goes once."""
        version = self.parts.next_version()
        image = self.parts.application(version)
        stream = await asyncio.to_thread(protocol.build, image, self.parts.key)
        number = await self.hub.update(self.device, canned.dump(stream))
        self.chip.network.open_updates()
        around = self.chip.surroundings
        self.chip.network.patience_s = 4.0  # the hub's word that it may begin, too
        await self._run("wake that takes the command", {Ended.RESTART})
        # From here on the hub's time counts, and the chip's must not run ahead of it.
        self.chip.surroundings = dataclasses.replace(around, paced=True)
        if cut:
            await self._run(f"OTA server, power cut at operation {cut}", {Ended.CUT}, cut=cut)
            self.chip.power_on()
        await self._run("OTA server", {Ended.RESTART}, longest_us=600_000_000)
        self.chip.surroundings = around
        await self._run("first wake after the update", {Ended.ASLEEP, Ended.RESTART})
        known = await self._known(
            lambda device: bool(device["report"]) and device["report"]["firmware"] == version
        )
        outcome = await self._until(
            lambda: self.hub.outcome(number), lambda one: one["state"] == "updated"
        )
        self.tell(f"hub: {outcome['state']}, reports {known['report']['firmware']}")

    async def _run(
        self,
        name: str,
        wanted: set[Ended],
        *,
        typed: Typed | None = None,
        each: Callable[[int], bool] | None = None,
        cut: int = 0,
        longest_us: int = _LONGEST_US,
    ) -> Station:
        def limited(us: int) -> bool:
            return us > longest_us or (each is not None and each(us))

        run: Run = await asyncio.to_thread(self.chip.run, typed=typed, each=limited, cut=cut)
        station = Station.of(name, run, self.parts.linked)
        self.tell(station)
        if run.ended not in wanted:
            raise ChipFailedError(f"{name}: {run.ended.name.lower()}: {run.said[-500:]}")
        return station

    async def _known(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        known: dict[str, Any] = await self._until(
            lambda: self.hub.device(self.device), lambda one: one is not None and condition(one)
        )
        return known

    async def _until(
        self, ask: Callable[[], Coroutine[Any, Any, Any]], condition: Callable[[Any], bool]
    ) -> Any:
        """What the hub says, once it is so. Raises ChipFailedError after a minute."""
        for _ in range(300):
            said = await ask()
            if condition(said):
                return said
            await asyncio.sleep(0.2)
        raise ChipFailedError(f"the hub does not say what was expected, but {said}")
