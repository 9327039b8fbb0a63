"""MicroPython's clock and pauses: milliseconds that wrap at 2**30, as on the device."""

from __future__ import annotations

from time import gmtime, localtime, monotonic_ns, sleep, time, time_ns

__all__ = [
    "gmtime", "localtime", "sleep", "sleep_ms", "sleep_us", "ticks_add", "ticks_diff", "ticks_ms",
    "ticks_us", "time", "time_ns",
]  # fmt: skip

_PERIOD = 1 << 30
_HALF = _PERIOD >> 1


def ticks_ms() -> int:
    """Milliseconds since some time or other."""
    return monotonic_ns() // 1_000_000 % _PERIOD


def ticks_us() -> int:
    """Microseconds since some time or other."""
    return monotonic_ns() // 1000 % _PERIOD


def ticks_add(ticks: int, delta: int) -> int:
    """A time so much later."""
    return (ticks + delta) % _PERIOD


def ticks_diff(end: int, start: int) -> int:
    """How much later `end` is, from -2**29 to 2**29 - 1."""
    return (end - start + _HALF) % _PERIOD - _HALF


def sleep_ms(ms: int) -> None:
    """Pause; not at all for what is not positive."""
    sleep(max(0, ms) / 1000)


def sleep_us(us: int) -> None:
    """Pause; not at all for what is not positive."""
    sleep(max(0, us) / 1_000_000)
