"""Handing over to the bootloader's OTA server, and what is stored about it on flash.

Before the application the bootloader looks at the first 8 bytes of RTC memory: `yaotaota` there
starts its OTA server instead, once (it makes `zaotaota` of it, which tells the application that
it came back from there). The server joins WiFi by itself, with what the SDK keeps in flash.

A file on flash says which command was accepted last, so that a device that lost its RTC memory
knows it too: it is written before the hand-over and once more when the broker has the outcome.
"""

import json

import machine
import network

from dormouse import ota_command, rtc, security_counter, settings
from dormouse.version import VERSION

FILE = "ota.json"
NO_BSSID = b"\0" * 6


def start() -> None:
    """Restart into the OTA server. Does not return.

    What RTC memory holds stays: identity, clock and readings go on after the update.
    """
    record, _valid = rtc.load()
    enter_server(record, settings.load())


def enter_server(record, cfg) -> None:
    """Restart into the OTA server. Does not return; no connection may be open."""
    unlock_access_point(record, cfg)
    record.magic = rtc.OTA_REQUEST
    record.set(rtc.AWAKE, False)
    rtc.save(record)
    # Never deep sleep: the bootloader starts the application at once after it.
    machine.reset()


def unlock_access_point(record, cfg) -> None:
    """Let the OTA server join any access point of the network, not only the one we know.

    Writes flash, once an update. The next wake locks the SDK to an access point again.
    """
    wlan = network.WLAN(network.STA_IF)
    if cfg.ssid and (record.bssid != NO_BSSID or wlan.config("ssid") != cfg.ssid):
        if not wlan.active():
            wlan.active(True)
        wlan.connect(cfg.ssid, cfg.key)
        record.bssid = NO_BSSID
        record.set(rtc.LOCK_AGAIN, True)


def last_update() -> dict:
    """The update that was begun last; empty if there was none.

    `id` and `version` of the command, `from`: the version that ran, `state`: `open` until the
    broker has the outcome, then `updated` or `failed` with `reason`.
    """
    try:
        with open(FILE) as file:
            last = json.load(file)
    except (OSError, ValueError):
        return {}
    return last if isinstance(last, dict) and ota_command.valid_id(last.get("id")) else {}


def store_begun(command: dict) -> None:
    """Store that an update begins. Raises OSError."""
    last = {"id": command["id"], "version": command["version"], "from": VERSION}
    last["state"] = ota_command.OPEN
    settings.write_file(FILE, json.dumps(last))


def check_flash(record) -> None:
    """After a restart: set the record's flag if the broker has not had an update's outcome.

    Or if the image that runs is still to be confirmed.
    """
    told = last_update().get("state") != ota_command.OPEN
    record.set(rtc.OTA_OUTCOME, not told or security_counter.due() > 0)
    if record.magic == rtc.OTA_REQUEST or told:
        # There is no OTA server; or somebody asked for it at the prompt or by a button.
        record.magic = rtc.NO_MAGIC


def outcome(record) -> dict:
    """The last update with its outcome, if the broker has not had it; else empty."""
    last = last_update()
    if last.get("state") != ota_command.OPEN:
        return {}
    last["state"], reason = ota_command.outcome(last, VERSION, record.magic == rtc.OTA_TRIED)
    if reason:
        last["reason"] = reason
    return last


def store_outcome(record, last: dict) -> None:
    """The broker has the outcome: store it, for the same command sent again.

    An image that came so far is confirmed: its security counter is stored too.
    """
    record.magic = rtc.NO_MAGIC
    record.set(rtc.OTA_OUTCOME, False)
    confirm_image()
    if last:
        try:
            settings.write_file(FILE, json.dumps(last))
        except OSError as error:
            # Then it is published once more after the next restart.
            print("ota:", error)


def confirm_image() -> None:
    """Store the security counter of the image that runs, if it is higher than what is stored."""
    from dormouse.ota_negotiation import slot_size

    counter = security_counter.due()
    # What runs from files says nothing about the image in the slot.
    if counter and slot_size():
        try:
            if not security_counter.store(counter):
                print("ota: no room for the security counter")
        except OSError as error:
            print("ota:", error)
