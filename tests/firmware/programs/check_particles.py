"""Particle sensors at the UART: frames among noise, in pieces, damaged, of somebody else."""

import struct
import time

import around
import serial_line
from dormouse.sensors import Sensors, serial_frames

serial_frames._PATIENCE_MS = 100
PMS, SDS = {"driver": "pms5003"}, {"driver": "sds011", "rx": 13}


def plantower(fine, coarse):
    """42h 4Dh, length, 13 words (4th to 6th: in the atmosphere), the sum of all before."""
    head = (
        b"BM" + struct.pack(">15H", 28, 1, 2, 3, 4, fine, coarse, 7, 8, 9, 10, 11, 12, 13, 0)[:28]
    )
    return head + struct.pack(">H", sum(head) & 0xFFFF)


# The example of Nova's protocol: 123.6 and 261.8 ug/m3.
NOVA = bytes.fromhex("aac0d4043a0aa1601dab")
assert len(plantower(12, 20)) == 32


def heard(entry, data):
    around.world_is()
    serial_line.heard = data
    return around.measure(entry)


assert heard(SDS, NOVA) == ({0: 5, 1: 123.6, 2: 261.8}, [])
assert heard(PMS, plantower(12, 20)) == ({0: 2, 1: 12, 2: 20}, [])
for fine, word in ((0, 1), (9, 1), (10, 2), (19, 2), (20, 3), (25, 4), (49, 4), (50, 5), (500, 5)):
    assert heard(PMS, plantower(fine, fine))[0][0] == word, fine
# The newest of several; the tail of one before and the beginning of the next around it.
for before in (b"", plantower(1, 1)[5:], b"B", b"BM", b"\x03\x00BMBM"):
    for after in (b"", plantower(9, 9)[:20]):
        data = before + plantower(30, 40) + plantower(31, 41)
        assert heard(PMS, (data + after)[-128:]) == ({0: 4, 1: 31, 2: 41}, []), (before, after)
# A head within a frame: 424Dh as a value.
assert heard(PMS, plantower(0x42, 0x4D)) == ({0: 5, 1: 66, 2: 77}, [])
assert heard(SDS, b"\xaa\xc0" + NOVA) == ({0: 5, 1: 123.6, 2: 261.8}, [])
# More than it can measure is no word for the air either.
assert heard(PMS, plantower(1000, 1000))[0] == {0: 5, 1: 1000, 2: 1000}
for fine, coarse in ((0xFFFF, 0xFFFF), (12, 0xFFFF), (1001, 20)):
    values, problems = heard(PMS, plantower(fine, coarse))
    assert values == {} and "more than it can measure" in problems[0], (fine, coarse)
# FFFFh each, and the sum of FF FF FF FF A1 60.
values, problems = heard(SDS, bytes.fromhex("aac0ffffffffa160fdab"))
assert values == {} and "6553.5 ug/m3" in problems[0], (values, problems)
# Damaged, of another sensor, at another speed, nothing.
for entry, frame in ((PMS, plantower(12, 20)), (SDS, NOVA)):
    for bit in range(0, 8 * len(frame), 5):
        damaged = bytearray(frame)
        damaged[bit >> 3] ^= 1 << (bit & 7)
        values, problems = heard(entry, bytes(damaged))
        # Of the bytes of its id the sum says all, of nothing else less.
        assert values == {} and "no frame of it is whole" in problems[0], (entry, bit, values)
    for data in (frame[:-1], bytes(reversed(frame)), bytes(64), b"\xff" * 64):
        assert "whole" in heard(entry, data)[1][0]
    values, problems = heard(entry, b"")
    assert values == {} and "nothing heard on" in problems[0]
assert "RX" not in problems[0] and "GPIO13" in problems[0]
assert "whole" in heard(PMS, NOVA)[1][0] and "whole" in heard(SDS, plantower(1, 1))[1][0]
serial_line.heard = None

# In pieces, as a UART gives them.
for split in (1, 2, 3, 16, 31):
    around.world_is()
    serial_line.heard = plantower(7, 8)[:split]
    sensors = Sensors([PMS])
    sensors.start()
    frames = sensors.sensors[0][1].frames
    assert frames._take() is None
    serial_line.heard = plantower(7, 8)[split:]
    assert frames._take() == plantower(7, 8)
serial_line.heard = None

# With a fan of ours to switch: 30 s, then off again; never longer than there is time.
fan = Sensors([dict(PMS, set=12)])
assert fan.start() == 30000


class Over:
    def left(self):
        return 0


assert fan.read(Over()) == [] and "deadline_ms" in fan.problems[0]

# The stand-ins.
serial_frames._PATIENCE_MS = 3000
for name, entry in (("pms5003", PMS), ("sds011", SDS)):
    around.world_is(serial=name, values={"pm2_5": 26, "pm10": 51})
    assert around.measure(entry) == ({0: 4, 1: 26, 2: 51}, []), name
assert time.ticks_ms()
