"""The device's clock: seconds since 2000 that start at 0, since it has no battery of its own."""

import utime
from utime import *  # noqa: F403  # this is utime and more

_started = utime.ticks_ms()


def time():
    return utime.ticks_diff(utime.ticks_ms(), _started) // 1000


def time_ns():
    return utime.ticks_diff(utime.ticks_ms(), _started) * 1000000


def sleep_ms(ms):
    import machine

    machine.starving(ms)
    utime.sleep_ms(ms)


def sleep(seconds):
    sleep_ms(int(seconds * 1000))
