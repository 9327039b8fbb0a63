"""Sensors that answer commands over I2C, with the examples of their data sheets as bytes."""

import time

import around
import i2c_bus
from dormouse.sensors import Sensors
from dormouse.sensors.checksum import sensirion_crc

PINS = {"scl": 5, "sda": 4}
# What is said below is there at once.
around.wait = lambda _ms: None


def sensirion(data):
    """x^8 + x^5 + x^4 + 1 from FFh: the start value is the same as FFh into the first byte."""
    return around.divided(bytes([data[0] ^ 0xFF]) + data[1:], 0x31)


assert sensirion(b"\xbe\xef") == sensirion_crc(b"\xbe\xef") == 0x92


def words(*values):
    out = b""
    for value in values:
        pair = bytes([value >> 8, value & 255])
        out += pair + bytes([sensirion(pair)])
    return out


class Said:
    """Answers one thing after the other, whatever it is told; keeps what that was."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.told = []

    def write(self, data):
        self.told.append(bytes(data))

    def read(self, count):
        answer = self.answers.pop(0)
        if answer is None:
            raise i2c_bus.Nack
        return answer[:count]


def measured(driver, at, *answers, **entry):
    """(values, problems, what it was told) with a chip that answers so."""
    around.world_is(i2c={hex(at): "said"})
    chip = Said(*answers)
    i2c_bus._met[at, "said"] = chip
    values, problems = around.measure(dict(PINS, driver=driver, **entry))
    return values, problems, chip.told


def near(got, *expected):
    assert sorted(got) == list(range(len(expected))), got
    for i, value in enumerate(expected):
        assert abs(got[i] - value) <= 0.006, (got, expected)


def nothing(driver, address, words, *answers):
    values, problems, _ = measured(driver, address, *answers)
    assert values == {} and len(problems) == 1 and words in problems[0], (driver, values, problems)


# SHT3x: T = -45 + 175 S / 65535, RH = 100 S / 65535.
values, problems, told = measured("sht3x", 0x44, words(0x6666, 0x8000))
assert told == [b"\x24\x00"] and not problems
near(values, 25.0, 50.0)
near(measured("sht3x", 0x45, words(0x2D83, 0xE666), address=0x45)[0], -13.89, 90.0)
# SHT4x: the same temperature, RH = -6 + 125 S / 65535, held within 0 and 100.
values, problems, told = measured("sht4x", 0x44, words(0x6666, 0x8000))
assert told == [b"\xfd"] and not problems
near(values, 25.0, 56.5)
near(measured("sht4x", 0x44, words(0x6666, 0x0000))[0], 25.0, 0)
near(measured("sht4x", 0x44, words(0x6666, 0xFFFF))[0], 25.0, 100)
for driver in ("sht3x", "sht4x"):
    good = words(0x6666, 0x8000)
    for bit in range(48):
        damaged = bytearray(good)
        damaged[bit >> 3] ^= 1 << (bit & 7)
        nothing(driver, 0x44, "checksum", bytes(damaged))
    nothing(driver, 0x44, "checksum", bytes(6))
    nothing(driver, 0x44, "checksum", b"\xff" * 6)
    nothing(driver, 0x44, "no temperature", words(0, 0x8000))
    nothing(driver, 0x44, "no temperature", words(0xFFFF, 0x8000))
    nothing(driver, 0x44, "not found at 0x44 on D2/D1", None)
    nothing(driver, 0x44, "4 bytes came where 6 were due", good[:4])

# SCD4x: its data sheet's example of read_measurement: 500 ppm, 25 degrees, 37 %.
example = bytes.fromhex("01f4336667a25eb93c")
READY, NOT_READY = words(0x8006), words(0x8000)
assert example == words(0x01F4, 0x6667, 0x5EB9)
slept, time.sleep_ms = time.sleep_ms, lambda _ms: None
values, problems, told = measured("scd4x", 0x62, READY, example)
assert told == [b"\x3f\x86", b"\x21\xb1", b"\xe4\xb8", b"\xec\x05", b"\x3f\x86"], told
assert not problems and values[0] == 500 and values[1] == 0
assert abs(values[2] - 25) < 0.006 and abs(values[3] - 37) < 0.006
assert measured("scd4x", 0x62, READY, words(1000, 0x6667, 0x5EB9))[0][1] == 1
assert measured("scd4x", 0x62, READY, words(1399, 0x6667, 0x5EB9), alarm_ppm=1400)[0][1] == 0
time.sleep_ms = slept
nothing("scd4x", 0x62, "not ready", *[NOT_READY] * 40)
nothing("scd4x", 0x62, "no value", READY, words(0, 0x6667, 0x5EB9))
nothing("scd4x", 0x62, "checksum", READY, example[:8] + b"\x3d")
nothing("scd4x", 0x62, "40001 ppm", READY, words(40001, 0x6667, 0x5EB9))
nothing("scd4x", 0x62, "65535 ppm", READY, words(0xFFFF, 0x6667, 0x5EB9))
nothing("scd4x", 0x62, "no temperature", READY, words(500, 0xFFFF, 0x5EB9))
# Whatever came of it, it is not left measuring.
for answers in ((READY, example[:8] + b"\x3d"), (READY, None), (READY, words(0, 1, 1))):
    assert measured("scd4x", 0x62, *answers)[2][-1] == b"\x3f\x86"

# AHT20: RH = S / 2^20, T = 200 S / 2^20 - 50, 20 bits each, then a checksum as Sensirion's.
data = b"\x1c" + ((0x80000 << 20) | 0x60000).to_bytes(5, "big")
data += bytes([sensirion(data)])
values, problems, told = measured("aht20", 0x38, b"\x1c", data)
assert told == [b"\xac\x33\x00"] and not problems
near(values, 25.0, 50.0)
cold = b"\x1c" + ((0xFFFFF << 20) | 0x30000).to_bytes(5, "big")
near(measured("aht20", 0x38, b"\x1c", cold + bytes([sensirion(cold)]))[0], -12.5, 100)
# At power-on it wants to be initialised; AHT10 by another command, and it sends no checksum.
told = measured("aht20", 0x38, b"\x10", b"\x18", data)[2]
assert told == [b"\xbe\x08\x00", b"\xac\x33\x00"], told
values, problems, told = measured("aht10", 0x38, b"\x00", b"\x18", data[:6])
assert told == [b"\xe1\x08\x00", b"\xac\x33\x00"] and not problems
near(values, 25.0, 50.0)
nothing("aht20", 0x38, "no calibration", b"\x10", b"\x10")
nothing("aht20", 0x38, "nothing but ones", b"\xff")
nothing("aht20", 0x38, "does not finish", b"\x18", bytes([0x98]) + data[1:])
nothing("aht20", 0x38, "checksum", b"\x18", data[:6] + bytes([data[6] ^ 1]))
# Zeros are what it holds after its power was gone: -50 degrees and dry air otherwise.
reset = b"\x10" + bytes(5)
nothing("aht20", 0x38, "lose power", b"\x18", reset + bytes([sensirion(reset)]))
for status, value, says in (
    (0x10, bytes(5), "lose power"), (0x00, data[1:6], "lose power"),
    (0x18, bytes(5), "no temperature: 00000"), (0x18, b"\xff" * 5, "no temperature: fffff"),
):  # fmt: skip
    nothing("aht10", 0x38, says, b"\x18", bytes([status]) + value)

# BH1750: its data sheet's example, 83h 90h are 28067 lx.
values, problems, told = measured("bh1750", 0x23, b"\x83\x90")
assert told == [b"\x01", b"\x07", b"\x42", b"\x65", b"\x20"], told
assert abs(values[0] - 28067) < 1
assert measured("bh1750", 0x23, b"\0\0")[0] == {0: 0}
# Too bright: again, with the shortest time (31 for 69).
values, problems, told = measured("bh1750", 0x23, b"\xff\xff", b"\x83\x90")
assert told[5:] == [b"\x01", b"\x07", b"\x40", b"\x7f", b"\x20"], told
assert abs(values[0] - 28067 * 69 / 31) < 2
nothing("bh1750", 0x23, "nothing but ones", b"\xff\xff", b"\xff\xff")
nothing("bh1750", 0x23, "1 bytes came where 2", b"\x83")


class Over:
    def left(self):
        return 0


# The time is up before it is done: 0 is what it held since it was told to forget.
around.world_is(i2c={"0x23": "said"})
i2c_bus._met[0x23, "said"] = Said(b"\0\0")
sensors = Sensors([dict(PINS, driver="bh1750")])
sensors.start()
assert sensors.read(Over()) == [] and "deadline_ms" in sensors.problems[0], sensors.problems

# None of them there; a bus that is held; bytes that are not acknowledged.
ADDRESSES = {
    "sht3x": 0x44,
    "sht4x": 0x44,
    "scd4x": 0x62,
    "aht20": 0x38,
    "aht10": 0x38,
    "bh1750": 0x23,
}
for driver, address in ADDRESSES.items():
    entry = dict(PINS, driver=driver)
    around.world_is()
    around.fails(entry, f"not found at 0x{address:02x} on D2/D1: wiring? (GPIO4/GPIO5)")
    around.world_is(i2c_line="scl")
    around.fails(entry, "held low")
    around.world_is(i2c_line="sda")
    around.fails(entry, "SDA held low on D2/D1: a short, or no power?")
    around.world_is(i2c={hex(address): "said"})
    i2c_bus._met[address, "said"] = chip = Said(b"\x18", b"\x18")
    chip.write = lambda data: len(data) - 1
    around.fails(entry, "it took")

# The stand-ins of virtual devices, over their range.
around.wait = time.sleep_ms
for driver, address in ADDRESSES.items():
    if driver == "scd4x":
        continue  # 5 s a measurement: tests/firmware/test_sensors.py has it
    for degrees, percent, lux in ((-7.25, 61.5, 0), (35.5, 12, 320), (0, 99, 90000)):
        around.world_is(
            i2c={hex(address): driver},
            values={"temperature": degrees, "humidity": percent, "light": lux},
        )
        values, problems = around.measure(dict(PINS, driver=driver))
        assert not problems, problems
        if driver == "bh1750":
            assert abs(values[0] - lux) <= 1 + lux / 10000, (lux, values)
        else:
            near(values, degrees, percent)
# What was not measured is not the value before.
sensors = Sensors([dict(PINS, driver="sht3x")])
around.world_is(i2c={"0x44": "sht3x"})
sensors.start()
around.world._given["missing"] = ["sht3x"]
assert sensors.read() == [] and len(sensors.problems) == 1
