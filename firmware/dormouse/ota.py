"""Handing over to the bootloader's OTA server.

Before the application the bootloader looks at the first 8 bytes of RTC memory: `yaotaota` there
starts its OTA server instead, once (it makes `zaotaota` of it, which tells the application that
it came back from there). The server joins WiFi by itself, with what the SDK keeps in flash.
"""

import machine
import network

from dormouse import rtc, settings

ASK = b"yaotaota"
CAME_BACK = b"zaotaota"
_UNLOCKED = b"\0" * 6


def start() -> None:
    """Restart into the OTA server. Does not return.

    What RTC memory holds stays: identity, clock and readings go on after the update.
    """
    record, _kept = rtc.load()
    unlock(record, settings.load())
    record.magic = ASK
    record.set(rtc.AWAKE, False)
    rtc.save(record)
    # Never deep sleep: the bootloader starts the application at once after it.
    machine.reset()


def unlock(record, values) -> None:
    """Free the SDK from the access point it is locked to: the server must find any of that name.

    Writes flash, once an update.
    """
    if values.ssid and record.bssid != _UNLOCKED:
        wlan = network.WLAN(network.STA_IF)
        wlan.active(True)
        wlan.connect(values.ssid, values.key)
        record.bssid = _UNLOCKED
