"""Handing over to the bootloader's OTA server, and what is kept about it on flash.

Before the application the bootloader looks at the first 8 bytes of RTC memory: `yaotaota` there
starts its OTA server instead, once (it makes `zaotaota` of it, which tells the application that
it came back from there). The server joins WiFi by itself, with what the SDK keeps in flash.

A note on flash says which command was acted on, so that a device that lost its RTC memory knows
it too: it is written before the hand-over and once more when the broker knows the outcome.
"""

import json

import machine
import network

from dormouse import order, rtc, settings
from dormouse.version import VERSION

FILE = "ota.json"
ASK = b"yaotaota"
CAME_BACK = b"zaotaota"
UNLOCKED = b"\0" * 6


def start() -> None:
    """Restart into the OTA server. Does not return.

    What RTC memory holds stays: identity, clock and readings go on after the update.
    """
    record, _kept = rtc.load()
    hand_over(record, settings.load())


def hand_over(record, values) -> None:
    """Let the bootloader have the device. Does not return; no connection may be open."""
    unlock(record, values)
    record.magic = ASK
    record.set(rtc.AWAKE, False)
    rtc.save(record)
    # Never deep sleep: the bootloader starts the application at once after it.
    machine.reset()


def unlock(record, values) -> None:
    """Let the OTA server join any access point of the network, not only the one we know.

    Writes flash, once an update. The next wake locks the SDK to an access point again.
    """
    wlan = network.WLAN(network.STA_IF)
    if values.ssid and (record.bssid != UNLOCKED or wlan.config("ssid") != values.ssid):
        if not wlan.active():
            wlan.active(True)
        wlan.connect(values.ssid, values.key)
        record.bssid = UNLOCKED
        record.set(rtc.UNLOCKED, True)


def read() -> dict:
    """The note; empty if there is none.

    `id` and `version` of the command, `from`: the version that ran, `state`: `open` until the
    broker knows the outcome, then `updated` or `failed` with `reason`.
    """
    try:
        with open(FILE) as file:
            note = json.load(file)
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) and order.is_id(note.get("id")) else {}


def begin(command: dict) -> None:
    """Note that a command is acted on. Raises OSError."""
    note = {"id": command["id"], "version": command["version"], "from": VERSION}
    note["state"] = order.OPEN
    settings.write(FILE, json.dumps(note))


def look(record) -> None:
    """After a restart: whether the outcome of an update is still to be told."""
    record.set(rtc.OUTCOME, read().get("state") == order.OPEN)
    if record.magic == ASK or not record.has(rtc.OUTCOME):
        # There is no OTA server; or somebody asked for it at the prompt or by a button.
        record.magic = rtc.NO_MAGIC


def came_of(record) -> dict:
    """The note with the outcome that is to be told; empty if there is nothing to tell."""
    note = read()
    if note.get("state") != order.OPEN:
        return {}
    note["state"], reason = order.outcome(note, VERSION, record.magic == CAME_BACK)
    if reason:
        note["reason"] = reason
    return note


def told(record, note: dict) -> None:
    """The broker knows the outcome: keep it, for a command that comes again."""
    record.magic = rtc.NO_MAGIC
    record.set(rtc.OUTCOME, False)
    if note:
        try:
            settings.write(FILE, json.dumps(note))
        except OSError as error:
            # Then it is told once more after the next restart.
            print("ota:", error)
