"""What is wired to an emulated chip's pins, and what level each has at a moment.

A line is low when the chip or a part pulls it low, else high: as with a pull-up on each. Pins are
bits by GPIO number; times are the chip's since its reset, in microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from host.chip.dht_line import DhtLine
from host.chip.i2c_lines import I2cLines
from host.chip.onewire_line import OneWireLine
from host.chip.stand_ins import ChipClock, StandIns
from host.twin.world import World

__all__ = ["PINS", "WiredPart", "Wiring"]

PINS = 0xFFFF
"""GPIO0 to GPIO15, those of the chip that its functions for pins know."""


class WiredPart(Protocol):
    """A part on pins of the chip."""

    def follow(self, low: int, now_us: int) -> None:
        """From now on the chip pulls these low, and no others."""

    def pulled(self, now_us: int) -> int:
        """Which of its pins it pulls low now."""


class Wiring:
    """The parts that a device's settings name (`sensors`), as virtual devices have them.

    What they measure is the world's (host/twin/shims/world.py), whose `pins` are the levels of
    contacts and switches.
    """

    def __init__(
        self, sensors: Sequence[Mapping[str, Any]] = (), world: World | None = None
    ) -> None:
        self.clock = ChipClock()
        self.world = world or World()
        self._sensors = sensors
        self._parts: list[WiredPart] = []
        self._low = 0
        self._presses: list[tuple[int, int, int]] = []
        self.power_on()

    def power_on(self) -> None:
        """Power comes, to what is wired as well: it remembers nothing."""
        self._stand_ins = StandIns(lambda: self.world, self.clock)
        # By its pins: of several sensors on one line the stand-ins know by themselves.
        parts = {_pins(entry): _part(entry, self._stand_ins) for entry in self._sensors}
        self._parts = [part for part in parts.values() if part is not None]

    def press(self, pin: int, begin_us: int, end_us: int) -> None:
        """Somebody presses a button to ground at that pin, in the next run or the one under way."""
        self._presses.append((pin, begin_us, end_us))

    def rest(self, us: int) -> None:
        """A run is over, and so long has passed until the next."""
        self.clock.rest(us)
        self._presses.clear()

    def reset(self) -> None:
        """The chip was reset: it pulls nothing."""
        self.drive(0, 0, 0)

    def drive(self, driven: int, levels: int, now_us: int) -> None:
        """The chip drives pins to levels, and lets the others be."""
        self.clock.run_us = now_us
        self._low = driven & ~levels
        for part in self._parts:
            part.follow(self._low, now_us)

    def levels(self, now_us: int) -> int:
        """The level of each pin."""
        self.clock.run_us = now_us
        low = self._low
        for pin, begin_us, end_us in self._presses:
            low |= 1 << pin if begin_us <= now_us < end_us else 0
        for pin, level in self._stand_ins.get("pins").items():
            low |= 0 if level else 1 << int(pin)
        for part in self._parts:
            low |= part.pulled(now_us)
        return PINS & ~low


def _pins(entry: Mapping[str, Any]) -> tuple[object, ...]:
    return entry.get("scl"), entry.get("sda"), entry.get("pin")


def _part(entry: Mapping[str, Any], stand_ins: StandIns) -> WiredPart | None:
    """What a sensor's entry asks for; None for one that is at no pin, or at a level's."""
    if "scl" in entry:
        return I2cLines(entry["scl"], entry["sda"], stand_ins.module("i2c_bus"))
    if entry["driver"] == "ds18b20":
        return OneWireLine(entry["pin"], stand_ins.module("_onewire").chips())
    if entry["driver"] == "dht22":
        return DhtLine(entry["pin"], stand_ins.module("dht22_chip").answer)
    return None
