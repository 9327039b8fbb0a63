"""Sensors at the pins of an emulated chip, asked by a master as the data sheets say."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from host.chip.wiring import Wiring
from host.twin.world import World

ROOM = World({"values": {"temperature": 25.0625, "humidity": 65.2, "pressure": 1000.0}})
CONVERT, READ, SKIP = 0x44, 0xBE, 0xCC


@dataclass
class Master:
    """Open-drain pins and a clock, in microseconds."""

    wiring: Wiring
    now: int = 0
    low: int = 0

    def pull(self, pin: int, down: bool = True) -> None:
        self.low = self.low | 1 << pin if down else self.low & ~(1 << pin)
        self.wiring.drive(self.low, 0, self.now)

    def level(self, pin: int) -> int:
        return self.wiring.levels(self.now) >> pin & 1

    def wait(self, us: int) -> None:
        self.now += us


class OneWire(Master):
    """A master on GPIO4; slots of the DS18B20's data sheet (19-7487, figures 13 to 15)."""

    pin = 4

    def pulse(self, us: int) -> None:
        self.pull(self.pin)
        self.wait(us)
        self.pull(self.pin, False)

    def reset(self) -> bool:
        self.pulse(480)
        self.wait(70)
        present = not self.level(self.pin)
        self.wait(410)
        return present

    def write(self, byte: int) -> None:
        for i in range(8):
            self.pulse(6 if byte >> i & 1 else 60)
            self.wait(64 if byte >> i & 1 else 10)

    def bit(self) -> int:
        self.pulse(6)
        self.wait(6)
        bit = self.level(self.pin)
        self.wait(55)
        return bit

    def read(self, count: int) -> bytes:
        return bytes(sum(self.bit() << i for i in range(8)) for _ in range(count))

    def command(self, byte: int) -> None:
        assert self.reset()
        self.write(SKIP)
        self.write(byte)


def one_wire(world: World) -> OneWire:
    return OneWire(Wiring([{"driver": "ds18b20", "pin": 4}], world))


# Table 1 of the data sheet.
@pytest.mark.parametrize(
    ("celsius", "raw"), [(125, 0x07D0), (25.0625, 0x0191), (-10.125, 0xFF5E), (-55, 0xFC90)]
)
def test_a_ds18b20_converts_and_tells(celsius: float, raw: int) -> None:
    master = one_wire(World({"values": {"temperature": celsius}}))
    master.command(READ)
    assert master.read(2) == b"\x50\x05"  # 85 degrees: it has measured nothing yet
    master.command(CONVERT)
    assert master.bit() == 0
    master.wait(750_000)
    assert master.bit() == 1
    master.command(READ)
    told = master.read(9)
    assert told[0] | told[1] << 8 == raw
    assert maxim_crc(told) == 0
    # Gone with the power, kept while the chip sleeps.
    master.wiring.clock.rest(60_000_000)
    master.wiring.reset()
    master.now = 0
    master.command(READ)
    assert master.read(9) == told
    master.wiring.power_on()
    master.command(READ)
    assert master.read(2) == b"\x50\x05"


def maxim_crc(data: bytes) -> int:
    """Application note 27: x^8 + x^5 + x^4 + 1."""
    crc = 0
    for byte in data:
        for i in range(8):
            crc = crc >> 1 ^ (0x8C if (crc ^ byte >> i) & 1 else 0)
    return crc


def test_roms_are_found_by_search() -> None:
    roms = ("28ff641e8d3c0cda", "28010203040506e5")
    master = one_wire(World({"onewire": [{"rom": rom} for rom in roms]}))
    found = set()
    for first in (0, 1):
        assert master.reset()
        master.write(0xF0)
        rom, forks = 0, 0
        for i in range(64):
            zero, one = not master.bit(), not master.bit()
            forks += zero and one
            bit = first if zero and one else int(one)
            rom |= bit << i
            master.pulse(6 if bit else 60)
            master.wait(64)
        assert forks == 1
        found.add(rom.to_bytes(8, "little").hex())
    assert found == set(roms)


def test_nobody_is_on_the_line() -> None:
    assert not one_wire(World({"missing": ["ds18b20"]})).reset()


class I2c(Master):
    """A master at 100 kHz on GPIO5 and GPIO4 (NXP UM10204)."""

    scl, sda = 5, 4

    def line(self, pin: int, high: int) -> None:
        self.pull(pin, not high)
        self.wait(5)

    def start(self) -> None:
        for pin, level in ((self.sda, 1), (self.scl, 1), (self.sda, 0), (self.scl, 0)):
            self.line(pin, level)

    def stop(self) -> None:
        for pin, level in ((self.sda, 0), (self.scl, 1), (self.sda, 1)):
            self.line(pin, level)

    def bit(self, bit: int) -> int:
        self.line(self.sda, bit)
        self.line(self.scl, 1)
        seen = self.level(self.sda)
        self.line(self.scl, 0)
        return seen

    def byte(self, byte: int) -> bool:
        for i in range(7, -1, -1):
            self.bit(byte >> i & 1)
        return not self.bit(1)

    def write(self, address: int, data: bytes, *, stop: bool = True) -> list[bool]:
        self.start()
        taken = [self.byte(byte) for byte in bytes([address << 1]) + data]
        if stop:
            self.stop()
        return taken

    def read(self, address: int, count: int) -> bytes | None:
        self.start()
        if not self.byte(address << 1 | 1):
            self.stop()
            return None
        data = []
        for left in range(count, 0, -1):
            data.append(sum(self.bit(1) << i for i in range(7, -1, -1)))
            self.bit(0 if left > 1 else 1)
        self.stop()
        return bytes(data)


def i2c(**world: object) -> I2c:
    return I2c(Wiring([{"driver": "any", "scl": 5, "sda": 4}], ROOM.changed(**world)))


def test_registers_of_a_bme280() -> None:
    master = i2c()
    assert master.write(0x76, b"\xd0", stop=False) == [True, True]
    assert master.read(0x76, 1) == b"\x60"
    assert master.write(0x76, b"\xf4\x25") == [True, True, True]
    assert master.write(0x76, b"\xf3", stop=False) == [True, True]
    assert master.read(0x76, 2) == b"\x08\x25"  # measuring, forced
    master.wait(10_000)
    master.write(0x76, b"\xf3", stop=False)
    assert master.read(0x76, 2) == b"\x00\x24"  # asleep again


def test_an_sht31_acknowledges_nothing_before_it_has_measured() -> None:
    master = i2c(i2c={"0x44": "sht3x"})
    assert master.write(0x44, b"\x24\x00") == [True] * 3
    assert master.read(0x44, 6) is None
    master.wait(15_500)
    data = master.read(0x44, 6)
    assert data is not None
    # The data sheet's formulas (4.13): -45 + 175 S / 65535, 100 S / 65535.
    assert abs(-45 + 175 * int.from_bytes(data[:2]) / 65535 - 25.0625) < 0.01
    assert abs(100 * int.from_bytes(data[3:5]) / 65535 - 65.2) < 0.01


def test_nobody_has_the_address() -> None:
    master = i2c()
    assert master.write(0x23, b"") == [False]
    assert master.read(0x23, 1) is None
    assert master.write(0x76, b"") == [True]  # and the bus is free again


@pytest.mark.parametrize(("held", "pin"), [("sda", I2c.sda), ("scl", I2c.scl)])
def test_a_line_that_is_held(held: str, pin: int) -> None:
    master = i2c(i2c_line=held)
    assert [master.level(p) for p in (I2c.scl, I2c.sda)].count(0) == 1
    assert master.level(pin) == 0


def dht(world: World) -> str:
    """The bits by the lengths of their high halves; empty without an answer."""
    master = Master(Wiring([{"driver": "dht22", "pin": 12}], world))
    master.pull(12)
    master.wait(1000)
    master.pull(12, False)
    edges, before = [], 1
    for _ in range(6000):
        master.wait(1)
        if (level := master.level(12)) != before:
            edges.append(master.now)
            before = level
    highs = [fall - rise for rise, fall in zip(edges[3:-1:2], edges[4::2], strict=True)]
    lows = [rise - fall for fall, rise in zip(edges[2::2], edges[3::2], strict=True)]
    assert set(lows) <= {49, 50, 51}
    return "".join("1" if high > 48 else "0" for high in highs)


def test_a_dht22_answers_by_lengths() -> None:
    # The data sheet's example (7.2): 65.2 %, 35.1 degrees.
    bits = dht(World({"values": {"temperature": 35.1, "humidity": 65.2}}))
    assert bits == "0000001010001100000000010101111111101110"
    assert dht(World({"missing": ["dht22"]})) == ""


def test_buttons_and_contacts_have_their_levels() -> None:
    wiring = Wiring((), World({"pins": {"5": 0}}))
    assert wiring.levels(0) == 0xFFFF & ~(1 << 5)
    wiring.press(0, 1000, 2000)
    assert [wiring.levels(us) & 1 for us in (0, 999, 1000, 1999, 2000)] == [1, 1, 0, 0, 1]
    wiring.rest(5000)
    assert wiring.levels(1500) & 1
    wiring.drive(1 << 2 | 1 << 3, 1 << 3, 0)
    assert wiring.levels(0) & 0b1100 == 0b1000
    wiring.reset()
    assert wiring.levels(0) & 0b1100 == 0b1100
