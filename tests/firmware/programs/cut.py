"""Power is lost in the middle of a wake: the VM ends, and nothing lasts that came after."""

import builtins
import os
import sys

import world
from dormouse import settings, tcp

_STATUS = 9
BEFORE, MIDDLE, AFTER = "before", "middle", "after"


class Battery:
    """Lasts for so many writes; the last of them is done to that point."""

    left = 0
    point = BEFORE


def at(step: int, point: str = BEFORE) -> None:
    """Run the firmware until its `step`-th write to RTC memory, flash or the broker, from 1.

    The power goes before it, in its middle or after it.
    """
    Battery.left, Battery.point = step, point
    world.write = _counted(world.write)
    tcp.Connection.write = _counted(tcp.Connection.write, _half_sent)
    settings.open = _open
    settings.os = _Os
    __import__("main")


def _counted(act, half=None):
    def step(*arguments):
        Battery.left -= 1
        if Battery.left == 0 and Battery.point == MIDDLE and half:
            half(act, *arguments)
        if Battery.left < 0 or (Battery.left == 0 and Battery.point != AFTER):
            # Again and again: on a device nothing of a `finally` would run.
            sys.exit(_STATUS)
        done = act(*arguments)
        if Battery.left == 0:
            sys.exit(_STATUS)
        return done

    return step


def _half_sent(act, connection, data):
    act(connection, memoryview(data)[: len(data) // 2])


def _half_written(act, text):
    act(text[: len(text) // 2])


def _open(name, mode="r"):
    file = builtins.open(name, mode)  # noqa: SIM115  # whoever asked closes it
    return _File(file) if "w" in mode else file


class _File:
    """A file that is written; what was written is there when it is closed."""

    def __init__(self, file):
        self.file = file
        self.write = _counted(file.write, _half_written)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


class _Os:
    rename = _counted(os.rename)
