"""An AM2302 (DHT22): frames of 5 bytes, and the measurement that each of them is of.

It answers with what it measured when it was asked before, then measures; asked again within 2 s it
answers the same (Aosong, AM2302 data sheet, 7.3 and 8). It stays powered while we sleep.
"""

import utime
import world

_PAUSE_MS = 2000

frames = []
"""What it says instead, in this order: frames, or None for no answer."""


def answer():
    """The 5 bytes; None when it does not answer."""
    if frames:
        return frames.pop(0)
    world.measured("dht22", "temperature")  # hangs or is missing
    state = world.chip_state("dht22") or {"at": 0, "frame": _frame().hex()}
    said = state["frame"]
    now = utime.time_ns() // 1000000
    if now - state["at"] >= _PAUSE_MS:
        world.keep_chip_state("dht22", {"at": now, "frame": _frame().hex()})
    return bytes.fromhex(said)


def _frame():
    tenths = round(world.measured("dht22", "temperature") * 10)
    if tenths < 0:
        # A sign bit; clones of some years use two's complement.
        tenths = tenths & 0xFFFF if world.get("dht_twos_complement") else 0x8000 | -tenths
    wet = round(world.measured("dht22", "humidity") * 10)
    data = bytes([wet >> 8 & 255, wet & 255, tenths >> 8, tenths & 255])
    return data + bytes([sum(data) & 255])
