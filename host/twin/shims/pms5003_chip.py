"""A PMS5003 (Plantower) in its active mode; `pm2_5` and `pm10` (ug/m3) are the world's values."""

import struct

import world

BAUD = 9600
EVERY_MS = 900


def frame():
    fine, coarse = (round(world.measured("pms5003", name)) for name in ("pm2_5", "pm10"))
    words = (28, fine // 2, fine, coarse, fine // 2, fine, coarse, 900, 300, 60, 9, 3, 1, 0x9700)
    data = b"BM" + struct.pack(">14H", *words)
    return data + struct.pack(">H", sum(data) & 0xFFFF)
