"""The BME280's registers: Bosch's own example, calibrations of both signs, and what is no value.

The example is that of BST-BMP280-DS001, 3.12: 25.08 degrees and 100653 Pa. Humidity has none: its
expected values are the floating-point formula of BST-BME280-DS002, 8.1, which is not the driver's.
"""

import struct
import time

import around
import bme280_chip
import i2c_bus
import world
from dormouse.sensors.bme280 import Sensor, fine_temperature, humidity, pressure

ENTRY = {"driver": "bme280", "scl": 5, "sda": 4}
T = (27504, 26435, -1000)
P = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)

fine = fine_temperature(519888, *T)
assert fine == 128422 and (fine * 5 + 128) >> 8 == 2508
assert abs(pressure(415148, fine, P) / 256 - 100653.27) < 0.05


class Held(i2c_bus.Registers):
    """Registers as they are, whatever is written: a measurement is there at once."""

    chip_id = 0x60

    def __init__(self):
        super().__init__()
        self.registers[0xD0] = self.chip_id
        struct.pack_into("<Hhh", self.registers, 0x88, *T)
        struct.pack_into("<Hhhhhhhhh", self.registers, 0x8E, *P)
        # H1 = 75, H2 = 362, H3 = 0, H4 = 322, H5 = 50, H6 = 30.
        self.registers[0xA1] = 75
        self.registers[0xE1:0xE8] = b"\x6a\x01\x00\x14\x22\x03\x1e"
        self.data(415148, 519888, 27000)

    def data(self, p, t, h=0x8000):
        split = (p >> 12, p >> 4 & 255, (p & 15) << 4, t >> 12, t >> 4 & 255, (t & 15) << 4)
        self.registers[0xF7:0xFF] = bytes(split + (h >> 8, h & 255))

    def store(self, register, byte):
        pass


def holding(chip):
    around.world_is()
    i2c_bus._met[0x76, "bme280"] = chip
    return chip


def wet(raw, fine, h1, h2, h3, h4, h5, h6):
    """Percent by the floating-point formula."""
    h = fine - 76800.0
    h = (raw - (h4 * 64.0 + h5 / 16384.0 * h)) * (
        h2 / 65536.0 * (1.0 + h6 / 67108864.0 * h * (1.0 + h3 / 67108864.0 * h))
    )
    return min(100.0, max(0.0, h * (1.0 - h1 * h / 524288.0)))


holding(Held())
values, problems = around.measure(ENTRY)
assert not problems and values[0] == 25.08 and abs(values[2] - 1006.5327) < 0.001, (
    values,
    problems,
)
assert abs(values[1] - wet(27000, 128422, 75, 362, 0, 322, 50, 30)) < 0.02, values

# Calibrations of either sign: H4 and H5 have 12 bits each, H6 8.
for h4, h5, h6 in (
    (322, 50, 30),
    (-322, 50, 30),
    (322, -50, 30),
    (322, 50, -30),
    (-2048, -1, -128),
    (2047, -2048, 127),
):
    packed = struct.pack("<hB", 362, 5) + bytes(
        (h4 >> 4 & 255, h4 & 15 | (h5 & 15) << 4, h5 >> 4 & 255, h6 & 255)
    )
    for raw in (5000, 20000, 27000, 40000):
        for fine in (-204800, 0, 76800, 128422, 400000):
            got = humidity(raw, fine, 75, packed) / 1024
            want = wet(raw, fine, 75, 362, 5, h4, h5, h6)
            assert abs(got - want) < 0.1, (h4, h5, h6, raw, fine, got, want)
# Below zero.
chip = holding(Held())
chip.data(415148, 400000)
a = (400000 / 16384 - T[0] / 1024) * T[1]
b = (400000 / 131072 - T[0] / 8192) ** 2 * T[2]
values, problems = around.measure(ENTRY)
assert abs(values[0] - (a + b) / 5120) < 0.011 and values[0] < -12, (values, (a + b) / 5120)
assert 1 not in values

# Over the range, with the stand-in that measures.
around.world_is(values={})
sensor = Sensor(ENTRY)
for temperature in (-39.5, -10, 0, 21.37, 84):
    for percent in (5, 48.5, 95):
        for hectopascal in (310, 987.65, 1090):
            world.get("values").update(
                {"temperature": temperature, "humidity": percent, "pressure": hectopascal}
            )
            assert sensor.start() >= 8
            time.sleep_ms(9)
            got = sensor.read()
            assert abs(got[0] - temperature) < 0.011, (temperature, got)
            assert abs(got[1] - percent) < 0.1, (percent, got)
            assert abs(got[2] - hectopascal) < 0.05, (hectopascal, got)

# A BMP280 is found out, and asked for.
B = dict(ENTRY, driver="bmp280")
for name, entry, values, problems in (
    ("bmp280", ENTRY, [0, 2], ["bme280: this is a BMP280: it measures no humidity"]),
    ("bmp280", B, [0, 1], []),
    ("bme280", B, [0, 1], []),
):
    around.world_is(i2c={"0x76": name})
    got = around.measure(entry)
    assert (sorted(got[0]), got[1]) == (values, problems), got
    assert abs(got[0][0] - 20.5) < 0.011 and abs(got[0][values[-1]] - 1013.25) < 0.05
for chip_id in (0x58, 0x57, 0x56):
    holding(Held()).registers[0xD0] = chip_id
    assert sorted(around.measure(ENTRY)[0]) == [0, 2]
for chip_id, words in ((0x61, "BME680"), (0x55, "id 55"), (0, "00"), (0xFF, "ff")):
    holding(Held()).registers[0xD0] = chip_id
    around.fails(ENTRY, words)

# Nothing, somewhere else, lines that are held.
around.world_is(missing=["bme280"])
around.fails(ENTRY, "not found at 0x76 on D2/D1: wiring? (GPIO4/GPIO5)")
around.world_is()
around.fails(dict(ENTRY, address=0x77), "not found at 0x77")
around.world_is(i2c={"0x77": "bme280"}, missing=[])
assert not around.measure(dict(ENTRY, address=0x77))[1]
around.world_is(i2c_line="sda")
around.fails(ENTRY, "SDA held low on D2/D1")
around.world_is(i2c_line="scl")
around.fails(ENTRY, "D2/D1", "held low")
# Bits that stick, calibration that is not there, nothing measured, no end of it.
for p, t, h, seen in (
    (0x80000, 519888, 27000, [0, 1]), (0, 519888, 27000, [0, 1]), (0xFFFFF, 519888, 0xFFFF, [0]),
    (415148, 519888, 0, [0, 2]),
):  # fmt: skip
    holding(Held()).data(p, t, h)
    assert sorted(around.measure(ENTRY)[0]) == seen, (p, t, h)
for t, words in ((0x80000, "nothing measured"), (0, "00000"), (0xFFFFF, "fffff")):
    holding(Held()).data(415148, t, 27000)
    around.fails(ENTRY, words)
# What is missing beside the temperature is said.
for p, h, says in (
    (0x80000, 27000, ["no pressure: 80000"]), (415148, 0x8000, ["no humidity: 8000"]),
    (0xFFFFF, 0xFFFF, ["no humidity: ffff", "no pressure: fffff"]),
):  # fmt: skip
    holding(Held()).data(p, 519888, h)
    assert around.measure(ENTRY)[1] == ["bme280: " + one for one in says]
# Calibration of the humidity that cannot be read: all air would be dry, or all of it wet.
for high in (bytes(7), b"\xff" * 7):
    holding(Held()).registers[0xE1:0xE8] = high
    values, problems = around.measure(ENTRY)
    assert sorted(values) == [0, 2] and "no humidity" in problems[0], (values, problems)
holding(Held()).registers[0x8A:0x8C] = b"\0\0"
around.fails(ENTRY, "calibration")
for byte in (b"\0", b"\xff"):
    holding(Held()).registers[0x88:0xA0] = byte * 24
    around.fails(ENTRY, "calibration")
holding(Held()).registers[0xF3] = 8
around.fails(ENTRY, "does not finish")


class Short(Held):
    def read(self, count):
        return super().read(count)[: max(1, count - 3)]


holding(Short())
around.fails(ENTRY, "bytes came where")


class Deaf(bme280_chip.Chip):
    """Takes a reset and nothing else any more: what it measured before it must not say again."""

    def write(self, data):
        if len(data) > 1 and data[0] != 0xE0:
            return 0
        return super().write(data)


chip = holding(Deaf())
chip.ready = time.ticks_ms()
chip.refresh()
around.fails(ENTRY, "nothing measured")
sensor = Sensor(ENTRY)
try:
    sensor.read()
    assert False
except OSError as error:
    assert "no measurement" in str(error)
