"""From power-on to the right mode: sleep on, a wake, staying awake, or the portal."""

import sys

import machine

from dormouse import hold, rtc, sleep
from dormouse.clock import Clock
from dormouse.hold import Held

CAUSES = {0: "power", 1: "watchdog", 4: "soft", 5: "deepsleep", 6: "hard"}
_POWER, _WATCHDOG, _DEEPSLEEP, _HARD = 0, 1, 5, 6
# In the OTA server no clock of ours ran. Longer than an update takes: a clock that is ahead harms
# nobody, since the hub dates no message later than it came; one that is behind looks as if the
# broker had kept our messages, until 5% of what passed is more than what is missing.
_UPDATE_MS = 120_000


def stay_awake(record, clock, values, reset: str) -> None:
    """Run a mains-powered device; what it cannot handle ends in a restart."""
    try:
        from dormouse import stay

        stay.run(record, clock, values, reset)
    except Held:
        record.set(rtc.PORTAL, True)
    except Exception as error:
        sys.print_exception(error)
    clock.tick()
    rtc.save(record)
    machine.reset()


def run() -> None:
    """Does not return."""
    record, kept = rtc.load()
    cause = machine.reset_cause()
    away = _UPDATE_MS if record.magic == b"zaotaota" else 0
    # A sleep that was cut short counts whole.
    clock = Clock(record, record.slept or away)
    record.slept = 0
    if cause == _DEEPSLEEP and record.left:
        sleep.start(record, record.left)
    record.left = 0

    from dormouse import settings

    values = settings.load()
    if not values.ssid or not values.host or record.has(rtc.PORTAL):
        record.set(rtc.PORTAL, False)
        rtc.save(record)
        from dormouse import portal

        portal.run(record, clock, values)
    if cause != _DEEPSLEEP or not kept:
        from dormouse import credentials, ota

        ota.look(record)
        credentials.look(record)
    if cause in (_POWER, _HARD):
        hold.Watch(values)
    if values.switch:
        stay_awake(record, clock, values, CAUSES.get(cause, "power"))
    if cause == _WATCHDOG and record.has(rtc.AWAKE):
        # What hung would hang again: the next try is at the next interval.
        record.set(rtc.CRASHED, True)
        sleep.until_next(record, clock, values.interval)
    record.set(rtc.AWAKE, True)
    try:
        rtc.save(record)
        from dormouse import wake

        wake.run(record, clock, values, CAUSES.get(cause, "power"))
        hold.settle()
    except Held:
        # With all of the heap to itself.
        record.set(rtc.AWAKE, False)
        record.set(rtc.PORTAL, True)
        clock.tick()
        rtc.save(record)
        machine.reset()
    except Exception as error:
        sys.print_exception(error)
    sleep.until_next(record, clock, values.interval)
