"""Deep sleep, chained where it is longer than the chip's timer can count.

`machine.deepsleep` counts microseconds in 32 bits: over 4 294 967 ms it wraps to a short sleep.
"""

import machine

from dormouse import rtc

# 70 minutes: below the wrap at 71.58, with a margin for the chip's clock.
MAX_MS = 4_200_000
# One sleep of a chain: `esp.deepsleep` takes a signed 32-bit number of microseconds (35.8 min), and
# lets the chip wake with its radio off, since all it does then is sleep again.
CHAINED_MS = 2_000_000
_RADIO_OFF = 4
# Shorter sleeps than this are not worth their start-up.
_MIN_MS = 50


def until_next_wake(record, clock, interval: int) -> None:
    """Sleep so that wakes are `interval` seconds apart. Does not return."""
    clock.tick()
    record.awake_ms = clock.awake_ms
    record.set(rtc.AWAKE, False)
    ms = max(_MIN_MS, interval * 1000 - clock.awake_ms)
    try:
        start(record, ms)
    except Exception as error:
        # Better to forget than to stay awake until the battery is empty.
        print("sleep:", error)
        machine.RTC().memory(record.magic)
        machine.deepsleep(min(ms, MAX_MS))


def start(record, ms: int) -> None:
    """Save the record and sleep `ms`, as a chain if need be. Does not return."""
    chained = ms > MAX_MS
    record.sleep_ms = CHAINED_MS if chained else ms
    record.sleep_left_ms = ms - record.sleep_ms
    rtc.save(record)
    if chained:
        import esp

        esp.deepsleep(record.sleep_ms * 1000, _RADIO_OFF)
    machine.deepsleep(record.sleep_ms)
