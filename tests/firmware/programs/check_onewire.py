"""The search for ROMs: all combinations that a tree of 64 bits can have."""

import random

import _onewire
import around
from dormouse.sensors.onewire_bus import OneWireBus
from onewire_chip import crc8
from seed import SEED

around.wait = lambda _ms: None
random.seed(SEED)


def rom(family, serial):
    data = bytes([family]) + serial
    return (data + bytes([crc8(data)])).hex()


for count in (1, 2, 3, 5, 8):
    roms = {rom(0x28, bytes([random.getrandbits(8) for _ in range(6)])) for _ in range(count)}
    # Neighbours in the last bit of the serial number, so that the tree forks late.
    roms |= {rom(0x28, bytes([1, 2, 3, 4, 5, n])) for n in (0, 128)} if count > 1 else set()
    around.world_is(onewire=[{"rom": text} for text in roms])
    found = OneWireBus(4).roms()
    assert sorted([one.hex() for one in found]) == sorted(roms), (SEED, count)

# Each is spoken to by its ROM, and all at once cannot be understood.
around.world_is(
    convert_ms=0,
    onewire=[
        {"rom": rom(0x28, b"ABCDEF"), "temperature": 21.3125},
        {"rom": rom(0x28, b"ABCDEG"), "temperature": -4.5},
    ],
)
for text, degrees in ((b"ABCDEF", 21.3125), (b"ABCDEG", -4.5)):
    entry = {"driver": "ds18b20", "pin": 4, "rom": rom(0x28, text)}
    assert around.measure(entry) == ({0: degrees}, [])
bus = OneWireBus(4)
bus.select()
bus.write(0x44)
bus.select()
bus.write(0xBE)
assert crc8(bus.read(9)) != 0
# Another kind at the same pin is passed over; alone it is no DS18B20.
other = rom(0x26, b"abcdef")
around.world_is(
    onewire=[{"rom": other, "chip": "ds18b20"}, {"rom": rom(0x28, b"ABCDEF")}], convert_ms=0
)
assert around.measure({"driver": "ds18b20", "pin": 4}) == ({0: 20.5}, [])
around.world_is(onewire=[{"rom": other, "chip": "ds18b20"}], convert_ms=0)
around.fails({"driver": "ds18b20", "pin": 4}, "no DS18B20")
assert _onewire.chips()
