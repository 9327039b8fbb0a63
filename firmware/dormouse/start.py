"""From power-on to the right mode: sleep on, a wake, mains operation, or the portal."""

import sys

import machine

from dormouse import forget, rtc, sleep, watchdog
from dormouse.clock import Clock
from dormouse.portal_button import LongPress, PortalButton

# The SDK's reasons, which the port gives as they are: 1 is the hardware's watchdog, 2 an exception,
# 3 the software's watchdog, which is the one that machine.WDT feeds.
CAUSES = {
    0: "power",
    1: "watchdog",
    2: "watchdog",
    3: "watchdog",
    4: "soft",
    5: "deepsleep",
    6: "hard",
}
_POWER, _DEEPSLEEP, _HARD = 0, 5, 6
# In the OTA server no clock of ours ran. Longer than an update takes: a clock that is ahead harms
# nobody, since the hub dates no message later than it came; one that is behind looks as if the
# broker had kept our messages, until 5% of what passed is more than what is missing.
_UPDATE_MS = 120_000


def run() -> None:
    """Find out why the chip started, and do what is due. Does not return."""
    watchdog.start()
    record, valid = rtc.load()
    cause = machine.reset_cause()
    clock = Clock(record)
    # A sleep that was cut short counts whole.
    clock.add(record.sleep_ms or (_UPDATE_MS if record.magic == rtc.OTA_TRIED else 0))
    record.sleep_ms = 0
    if cause == _DEEPSLEEP and record.sleep_left_ms:
        sleep.start(record, record.sleep_left_ms)
    record.sleep_left_ms = 0

    from dormouse import settings

    cfg = settings.load()
    if not cfg.ssid or not cfg.host or record.has(rtc.OPEN_PORTAL):
        record.set(rtc.OPEN_PORTAL, False)
        rtc.save(record)
        from dormouse import portal

        portal.run(record, clock, cfg)
    if cause != _DEEPSLEEP or not valid:
        _check_flash(record)
    button = PortalButton(cfg)
    if cause in (_POWER, _HARD):
        button.start()
    reset = CAUSES.get(cause, "power")
    if cfg.switch:
        _run_mains(record, clock, cfg, reset)
    if reset == "watchdog" and record.has(rtc.AWAKE):
        # What hung or crashed would do so again: the next try is at the next interval.
        record.set(rtc.HUNG, True)
        sleep.until_next_wake(record, clock, cfg.interval)
    next_wake_s = _run_wake(record, clock, cfg, reset, button)
    sleep.until_next_wake(record, clock, next_wake_s or cfg.interval)


def _check_flash(record) -> None:
    """Set the record's flags by what flash says of an update and of WiFi credentials on trial.

    The modules are let go of again: they are 2 KB of heap, which the wake that follows wants.
    """
    from dormouse import ota, wifi_trial

    ota.check_flash(record)
    wifi_trial.check_flash(record)
    forget("ota", "ota_command", "security_counter", "wifi_trial")


def _run_mains(record, clock, cfg, reset: str) -> None:
    """Run a mains-powered device; what it cannot handle ends in a restart. Does not return."""
    try:
        from dormouse import mains

        mains.run(record, clock, cfg, reset)
    except LongPress:
        record.set(rtc.OPEN_PORTAL, True)
    except Exception as error:
        sys.print_exception(error)
    _restart(record, clock)


def _run_wake(record, clock, cfg, reset: str, button) -> int:
    """One wake, to the seconds until the next; 0 if it broke off.

    Restarts into the portal if the button is held.
    """
    record.set(rtc.AWAKE, True)
    try:
        next_wake_s = _try_wake(record, clock, cfg, reset)
        button.wait_released()
    except LongPress:
        # After a restart the portal has all of the heap to itself.
        record.set(rtc.AWAKE, False)
        record.set(rtc.OPEN_PORTAL, True)
        _restart(record, clock)
    button.stop()
    return next_wake_s


def _try_wake(record, clock, cfg, reset: str) -> int:
    """The seconds until the next wake; 0 if this one broke off. Raises LongPress."""
    try:
        rtc.save(record)
        from dormouse import wake

        return wake.run(record, clock, cfg, reset)
    except LongPress:
        raise
    except Exception as error:
        sys.print_exception(error)
        return 0


def _restart(record, clock) -> None:
    clock.tick()
    rtc.save(record)
    machine.reset()
