"""For programs that test drivers: the world around sensors, and one measurement."""

import time

import world
from dormouse.sensors import Sensors

world.get("wifi")  # reads the file, which is not looked at again
wait = time.sleep_ms
"""How time passes between start and reading."""


def world_is(**sections):
    """Let the world be that, and as it is by default otherwise."""
    world._PATH = None
    world._given.clear()
    world._given.update(sections)
    for name in ("_onewire", "i2c_bus", "spi_bus"):
        module = __import__(name)
        if name == "_onewire":
            module._chips = None
        else:
            module._met.clear()


def measure(*entries):
    """(values by index of series, problems) of one measurement."""
    sensors = Sensors(entries)
    wait(sensors.start())
    return dict(sensors.read()), sensors.problems


def fails(entry, *words):
    """Nothing is measured, and one problem names the driver and says all of the words."""
    values, problems = measure(entry)
    assert not values, (values, problems)
    assert len(problems) == 1, problems
    assert problems[0].startswith(entry["driver"] + ": "), problems
    for word in words:
        assert word in problems[0], (word, problems)


def divided(data, polynomial):
    """The remainder of the bits of `data`, first byte and highest bit first, by a polynomial of
    degree 8: the definition of a CRC, with a start value of 0."""
    remainder = 0
    for byte in bytes(data) + b"\0":
        for i in range(7, -1, -1):
            remainder = remainder << 1 | byte >> i & 1
            if remainder & 0x100:
                remainder ^= 0x100 | polynomial
    return remainder
