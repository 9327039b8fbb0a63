"""Power is lost in the middle of a wake: the VM ends, and nothing lasts that came after."""

import os
import sys

import world
from dormouse import settings, tcp

_STATUS = 9


class Battery:
    """Lasts for so many writes."""

    left = 0


def at(step: int) -> None:
    """Run the firmware until its `step`-th write to RTC memory, flash or the broker, from 1."""
    Battery.left = step
    world.write = _before(world.write)
    tcp.Connection.write = _before(tcp.Connection.write)
    settings.os = _Os
    __import__("main")


def _before(act):
    def step(*arguments):
        Battery.left -= 1
        if Battery.left <= 0:
            # Again and again: on a device nothing of a `finally` would run.
            sys.exit(_STATUS)
        return act(*arguments)

    return step


class _Os:
    rename = _before(os.rename)
