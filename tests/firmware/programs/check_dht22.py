"""The DHT22's frames: both ways of saying below zero, damage, and whose measurement it is.

Aosong's AM2302 data sheet has 02 8C 01 5F EE as 65.2 % and 35.1 degrees, and 80 65 as -10.1; the
frames of a clone were logged by people (arendst/Tasmota, issue 14165).
"""

import time

import around
import dht22_chip
from dormouse.sensors import dht22 as driver
from dormouse.sensors import waiting
from dormouse.sensors.dht22 import decode

ENTRY = {"driver": "dht22", "pin": 14}


def frame(text):
    """4 bytes and their sum."""
    data = bytes.fromhex(text)
    return data + bytes([sum(data) & 255])


for text, degrees, percent in (
    ("028c015fee", 35.1, 65.2), ("028c806573", -10.1, 65.2), ("0233fff72b", -0.9, 56.3),
    ("0211fff103", -1.5, 52.9), ("0210fff102", -1.5, 52.8),
):  # fmt: skip
    assert decode(bytes.fromhex(text)) == [degrees, percent], text
# Every temperature that it has, in both ways: the same number.
for tenths in range(1, 401):
    for raw in (0x8000 | tenths, 0x10000 - tenths):
        assert decode(frame(f"01f4{raw:04x}"))[0] == -tenths / 10, raw
for tenths in range(801):
    assert decode(frame(f"01f4{tenths:04x}"))[0] == tenths / 10
zero = decode(frame("01f48000"))[0]
assert zero == 0 and str(zero) in ("0.0", "-0.0")

# Damage: a bit anywhere, nothing but zeros or ones, half a frame.
good = bytes.fromhex("028c015fee")
bad = [bytes(5), b"\xff" * 5]
for bit in range(40):
    damaged = bytearray(good)
    damaged[bit >> 3] ^= 1 << (bit & 7)
    bad.append(bytes(damaged))
for data in bad:
    try:
        decode(data)
        assert False, data
    except OSError as error:
        assert str(error)

# A clock that goes as far as is slept.
now = [0]


class Time:
    ticks_diff = time.ticks_diff
    ticks_add = time.ticks_add

    @staticmethod
    def ticks_ms():
        return now[0]

    @staticmethod
    def sleep_ms(ms):
        now[0] += ms


driver.time = waiting.time = Time
around.wait = Time.sleep_ms


def asked(*frames):
    """What comes of these answers, and how many were asked for, 2 s apart."""
    around.world_is()
    times = []
    rest = list(frames)

    def answer():
        times.append(now[0])
        return rest.pop(0)

    real, dht22_chip.answer = dht22_chip.answer, answer
    try:
        values, problems = around.measure(ENTRY)
    finally:
        dht22_chip.answer = real
    for i in range(1, len(times)):
        assert times[i] - times[i - 1] >= 2000, times
    return values, problems, len(frames) - len(rest)


old, new, cut = frame("01f400b4"), frame("01fe8032"), b"\x02\x8c"
FRESH = {0: -5.0, 1: 51.0}
assert asked(old, new) == (FRESH, [], 2)
assert asked(bad[5], new) == (FRESH, [], 2)
# One more question for a damaged answer, and no more than one.
assert asked(old, bad[9], new) == (FRESH, [], 3)
assert asked(old, None, new) == (FRESH, [], 3)
assert asked(old, cut, new) == (FRESH, [], 3)
assert asked(old, bytes(5), new) == (FRESH, [], 3)
# Not asked, it did not measure: the first answer is of another time.
assert asked(None, old, new) == (FRESH, [], 3)
values, problems, asked_for = asked(None, None, old)
assert (values, asked_for) == ({}, 3) and "now and then" in problems[0], problems
for answers, words in (
    ((old, bad[9], bad[10]), "checksum"),
    ((None, None, None), "no answer on D5 (GPIO14)"),
    ((old, bytes(5), bytes(5)), "zeros"),
    ((cut, cut, cut), "no answer"),
):
    values, problems, asked_for = asked(*answers)
    assert (values, asked_for) == ({}, 3), answers
    assert len(problems) == 1 and words in problems[0], problems
# What cannot be is not sent; a DHT11 at its place speaks of whole degrees in other bytes.
for text, percent in (
    ("2d001500", 1152), ("14000000", 512), ("14000100", 512), ("5a001a05", 2304),
    ("14090109", 512.9),
):  # fmt: skip
    # 1 degree of a DHT11 would be 25.6, 0.5 degrees of it 0.5.
    values, problems, _ = asked(old, frame(text), frame(text))
    assert values == {} and len(problems) == 1, (values, problems)
    assert f"{percent:g} % cannot be: is it a DHT11?" in problems[0], problems
assert asked(old, frame("03e9000a"))[:2] == ({0: 1.0}, ["dht22: 100.1 out of range"])
assert asked(old, frame("03e8000a"))[0] == {0: 1.0, 1: 100.0}
assert asked(old, frame("01f48190"))[0] == {0: -40.0, 1: 50.0}
assert asked(old, frame("01f4fe70"))[0] == {0: -40.0, 1: 50.0}
assert asked(old, frame("01f40321"))[:2] == ({1: 50.0}, ["dht22: 80.1 out of range"])
