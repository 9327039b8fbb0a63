"""The port's 1-Wire primitives (extmod/modonewire.c): a line that any chip on it can pull low."""

import onewire_chip
import world

FAMILIES = {
    0x28: "ds18b20",
}

crc8 = onewire_chip.crc8
_chips = None


def chips():
    """The chips on the line: those of the world's `onewire`, else one DS18B20."""
    global _chips
    if _chips is None:
        _chips = []
        for own in world.get("onewire"):
            family = int(own.get("rom", "28")[:2], 16)
            module = own.get("chip") or FAMILIES.get(family, "ds18b20")
            _chips.append(__import__(module + "_chip").Chip(own))
    return _chips


def _level():
    """What holds the line whatever is done: 0 for a short; None for nothing."""
    return world.get("onewire_line")


def _on(pin):
    return [chip for chip in chips() if chip.present(pin.id)]


def reset(pin):
    """Whether the line is low when a presence pulse is due; so a short is taken for one."""
    if _level() == 0:
        return True
    here = _on(pin)
    for chip in here:
        chip.reset()
    return bool(here)


def readbit(pin):
    bit = 1 if _level() is None else _level()
    for chip in _on(pin):
        bit &= chip.read()
    return bit


def readbyte(pin):
    return sum([readbit(pin) << i for i in range(8)])


def writebit(pin, value):
    if _level() is None:
        for chip in _on(pin):
            chip.write(1 if value & 1 else 0)


def writebyte(pin, value):
    for i in range(8):
        writebit(pin, value >> i & 1)
