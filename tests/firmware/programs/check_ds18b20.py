"""The DS18B20's scratchpads as bytes on the wire: the data sheet's table, and what is no value.

Temperatures: Maxim 19-7487, table 1. Clones: github.com/cpetrich/counterfeit_DS18B20.
"""

import time

import _onewire
import around
from dormouse.sensors import Sensors
from dormouse.sensors.ds18b20 import Sensor

# The line itself says when a conversion is done.
around.wait = lambda _ms: None
ENTRY = {"driver": "ds18b20", "pin": 4}
ROM = "28ff641e8d3c0cda"


def reflected(byte):
    return sum([(byte >> i & 1) << (7 - i) for i in range(8)])


def maxim(data):
    """Maxim's CRC sends the lowest bit first: so bytes and remainder are mirrored."""
    return reflected(around.divided([reflected(byte) for byte in data], 0x31))


# Application note 27's own example.
assert maxim(b"\x02\x1c\xb8\x01\x00\x00\x00") == 0xA2
assert maxim(bytes.fromhex(ROM[:14])) == bytes.fromhex(ROM)[7]


def scratchpad(temperature, rest="4b467fff0c10"):
    """9 bytes as hex: the temperature's two, the rest, their CRC."""
    data = bytes.fromhex(f"{temperature & 255:02x}{temperature >> 8:02x}{rest}")
    return f"{data.hex()}{maxim(data):02x}"


def holding(text, **own):
    around.world_is(convert_ms=0, onewire=[dict(scratchpad=text, **own)])


def value(text, **entry):
    holding(text)
    values, problems = around.measure(dict(ENTRY, **entry))
    assert not problems, problems
    return values[0]


def fault(text, *words, **entry):
    holding(text)
    around.fails(dict(ENTRY, **entry), *words)


for raw, degrees in (
    (0x07D0, 125), (0x0191, 25.0625), (0x00A2, 10.125), (0x0008, 0.5), (0x0000, 0),
    (0xFFF8, -0.5), (0xFF5E, -10.125), (0xFE6F, -25.0625), (0xFC90, -55),
):  # fmt: skip
    assert value(scratchpad(raw)) == degrees, degrees
    # Clones whose byte 6 never changes, and genuine ones, where it is 16 less the lowest bits.
    assert value(scratchpad(raw, f"4b467fff{16 - (raw & 15):02x}10")) == degrees
# Lower resolutions (table 2): bits below say nothing.
assert value(scratchpad(0x0197, "4b461fff0910")) == 25
assert value(scratchpad(0x0197, "4b463fff0910")) == 25.25
assert value(scratchpad(0x0197, "4b465fff0910")) == 25.375
assert value(scratchpad(0xFF5F, "4b461fff0110")) == -10.5

# 85 at power-on, and measured.
fault(scratchpad(0x0550), "power-on")
assert value(scratchpad(0x0550, "4b467fff1010")) == 85
assert value(scratchpad(0x0551, "4b467fff0f10")) == 85.0625
# What says nothing, with and without a right CRC.
fault("00" * 9, "D2 (GPIO4)", "held low")
fault("ff" * 9, "D2 (GPIO4)", "disconnected")
fault("00" * 8 + "01", "checksum")
good = bytes.fromhex(scratchpad(0x0191))
for byte in range(9):
    for bit in (0, 3, 7):
        damaged = bytearray(good)
        damaged[byte] ^= 1 << bit
        fault(damaged.hex(), "checksum")
fault(scratchpad(0x07FF, "4b467fff0110"), "conversion failed")
fault(scratchpad(0x0C90), "no temperature")
fault(scratchpad(0x07F0), "127 out of range")
# Clones: 25 degrees at power-on, or the last value of before it; D1, D2, E of that page.
for rest in ("55057fdeadbe", "55057f7e8166", "ffff7fffffff", "4b46ffff0c10", "4b46003f0c10"):
    fault(scratchpad(0x0190, rest), "clone")
    assert value(scratchpad(0x0190, rest), clone=1) in (25, 25.0), rest
fault("00" * 9, "held low", clone=1)
fault(scratchpad(0x0550, "55057f7e8166"), "power-on", clone=1)

# A DS18S20 counts halves, and sixteenths by what its counter had left (its data sheet, 3).
S20 = "10d2a1b4000800"
S20 += f"{maxim(bytes.fromhex(S20)):02x}"
for raw, left, degrees in (
    (0x0032, 12, 25),
    (0xFFCE, 12, -25),
    (0x0033, 4, 25.5),
    (0x00AA, 4, 85.5),
):
    around.world_is(
        convert_ms=0, onewire=[{"rom": S20, "scratchpad": scratchpad(raw, f"4b46ffff{left:02x}10")}]
    )
    got, problems = around.measure(ENTRY)
    assert got == {0: degrees}, (got, problems)
around.world_is(
    convert_ms=0, onewire=[{"rom": S20, "scratchpad": scratchpad(0x00AA, "4b46ffff0c10")}]
)
around.fails(ENTRY, "power-on")

# Supply and line.
holding(scratchpad(0x0191), powered=False)
around.fails(ENTRY, "parasite")
around.fails(dict(ENTRY, rom=ROM), "parasite")
for rom in ({}, {"rom": ROM}):
    around.world_is(missing=["ds18b20"])
    around.fails(dict(ENTRY, **rom), "no sensor answers on D2 (GPIO4)")
    around.world_is(onewire_line=0)
    around.fails(dict(ENTRY, **rom), "held low")
around.world_is(convert_ms=0)
around.fails(dict(ENTRY, rom="28000000000000aa"), "does not answer")

# A conversion that did not begin: the value before stays where it is.
around.world_is(convert_ms=0, onewire=[{"temperature": 19}])
sensors = Sensors([ENTRY])
sensors.start()
assert sensors.read() == [(0, 19)]
_onewire.chips()[0].own["temperature"] = -5
for _ in range(2):
    around.world._given["missing"] = ["ds18b20"]
    sensors.start()
    around.world._given["missing"] = []
    assert sensors.read() == []
sensors.start()
assert sensors.read() == [(0, -5)]
sensor = Sensor(ENTRY)
for _ in range(2):
    try:
        sensor.read()
        assert False
    except OSError as error:
        assert "no conversion" in str(error)
    sensor.start()
    sensor.read()
# Power lost, a reset without answer, a cable off between both.
sensor.start()
_onewire.chips()[0].memory[:] = b"\x50\x05\x4b\x46\x7f\xff\x0c\x10"
_onewire.chips()[0].ready = None
try:
    sensor.read()
    assert False
except OSError as error:
    assert "power-on" in str(error)
sensors.start()
around.world._given["missing"] = ["ds18b20"]
assert sensors.read() == []
assert "no sensor answers" in sensors.problems[-1]
# The command was not heard: nobody says that he converts, and the value before stays where it is.
for rom in ({}, {"rom": ROM}):
    around.world_is(convert_ms=0, onewire=[{"temperature": 19, "deaf": True}])
    _onewire.chips()[0].memory[:] = b"\x91\x01\x4b\x46\x7f\xff\x0f\x10"
    around.fails(dict(ENTRY, **rom), "did not begin to measure")
# Clones of which some never say so.
assert around.measure(dict(ENTRY, clone=1))[0] == {0: 25.0625}
# Not done when the time is up: it holds the value before.
around.world_is(convert_ms=400, onewire=[{"temperature": 21}])
_onewire.chips()[0].memory[:2] = b"\x30\x01"


class Over:
    def left(self):
        return 0


sensors = Sensors([ENTRY])
sensors.start()
assert sensors.read(Over()) == []
assert "deadline_ms" in sensors.problems[0]
sensors.start()
began = time.ticks_ms()
assert sensors.read() == [(0, 21)]
assert time.ticks_diff(time.ticks_ms(), began) < 700
