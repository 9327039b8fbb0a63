"""An SDS011 (Nova Fitness) that reports every second."""

import struct

import world

BAUD = 9600
EVERY_MS = 1000


def frame():
    tenths = [round(world.measured("sds011", name) * 10) for name in ("pm2_5", "pm10")]
    data = struct.pack("<HH", *tenths) + b"\xa1\x60"
    return b"\xaa\xc0" + data + bytes([sum(data) & 255]) + b"\xab"
