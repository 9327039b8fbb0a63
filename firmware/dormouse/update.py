"""What is said about an update command: accepted or not, and the hub's word to begin.

Loaded only when there is a command, or an outcome to tell.
"""

import hashlib
import json
import os

import esp

from dormouse import identity, messages, order, ota
from dormouse.deadline import Deadline
from dormouse.link import Silent
from dormouse.version import BOARD, VERSION

STATE = "$ota/state"
# So long is the hub's word waited for, with WiFi on.
WORD_MS = 2000
# A device that stays awake asks again after so many seconds without a word.
AGAIN_S = 60
_LONGEST_S = 3600
# A refused command is remembered where the OTA magic would be: never the magic, with these zeros.
_REFUSED = b"\0" * 4
# Room for the application, by the size of flash (`app` in partitions/*.csv); a bootloader takes
# no image over 800 000 bytes.
SLOTS = {0x100000: 0x99000, 0x200000: 0xC4000, 0x400000: 0xC4000}
_LARGEST = 800_000


# Where this package may lie as files: before what an update brings, and out of its reach.
COPIES = ("/dormouse", "/lib/dormouse", "/rom/dormouse", "/rom/lib/dormouse")


def slot() -> int:
    """The largest application that fits this flash, in bytes; 0 if we are not in its slot."""
    for copy in COPIES:
        try:
            os.stat(copy)
            return 0
        except OSError:
            pass
    return min(SLOTS.get(esp.flash_size(), SLOTS[0x100000]), _LARGEST)


def tell(talk, record):
    """Queue the outcome that is to be told; return what to do when the broker has it."""
    note = ota.came_of(record)
    if note:
        say(talk, note["id"], note["state"], note.get("reason"))
    return lambda: ota.told(record, note)


def say(talk, number, state: str, reason=None, address=None) -> None:
    """Queue a `$ota/state`."""
    said = {"state": state, "version": VERSION}
    if order.is_id(number):
        said["id"] = number
    if reason:
        said["reason"] = reason
    if address:
        said["address"] = address
    talk.publish(STATE, json.dumps(said), True)


class Exchange:
    """What goes to and fro about commands in one connection."""

    def __init__(self, record, settings, station, sensors):
        self.record = record
        self.settings = settings
        self.station = station
        self.sensors = sensors
        # The command that was accepted, and until when a word about it counts.
        self.command: dict = {}
        self.word = Deadline(0)
        self.again = Deadline(0)
        # What `answered` remembers.
        self.refused = b""

    def waiting(self) -> bool:
        """Whether the hub's word may still come."""
        return bool(self.command) and self.word.left() > 0

    def overdue(self) -> bool:
        """Whether a device that stays awake should ask once more."""
        return bool(self.command) and not self.word.left() and not self.again.left()

    def take(self, talk, payload) -> bool:
        """Queue the answer to what came on `$ota`; True if it says to begin."""
        if not payload:
            go = self.waiting()
            if not go:
                self.command = {}
            return go
        said = messages.json_object(payload)
        if "later" in said:
            # A word, not a command: about ours, or one that came too late.
            if said.get("id") == self.command.get("id"):
                self._postpone(said["later"])
            return False
        self._answer(talk, payload, said)
        return False

    def _postpone(self, seconds) -> None:
        given = isinstance(seconds, int) and not isinstance(seconds, bool)
        self.word = Deadline(0)
        self.again = Deadline(1000 * (max(1, min(seconds, _LONGEST_S)) if given else AGAIN_S))

    def _answer(self, talk, payload, said: dict) -> None:
        record = self.record
        self.command = {}
        seen = _REFUSED + hashlib.sha256(payload).digest()[:4]
        if seen in (record.magic, self.refused):
            return
        here = order.Here(
            identity.device_id(), VERSION, BOARD, slot(),
            self.settings.ota_key, self.sensors.battery_mv,
        )  # fmt: skip
        state, reason = order.decide(said, here, ota.read())
        if state == order.ACCEPTED:
            self.command = said
            self.ask(talk)
        else:
            say(talk, said.get("id"), state, reason)
            self.refused = seen

    def answered(self) -> None:
        """The broker has the answers: what was refused needs no other."""
        if self.refused:
            self.record.magic = self.refused
            self.refused = b""

    def ask(self, talk) -> None:
        """Queue that the command is accepted, and begin to wait for the hub's word."""
        say(talk, self.command["id"], order.ACCEPTED, None, self.station.wlan.ifconfig()[0])
        self.word = Deadline(WORD_MS)
        self.again = Deadline(1000 * AGAIN_S)

    def begin(self, talk) -> bool:
        """Say that it begins, and note it; whether to hand over now. Raises OSError."""
        say(talk, self.command["id"], "updating")
        talk.send()
        try:
            ota.begin(self.command)
        except OSError as error:
            # Without the note the same command might be followed for ever.
            print("ota:", error)
            say(talk, self.command["id"], order.FAILED, "flash")
            talk.send()
            return False
        return True


def obey(wake, talk, payload) -> bool:
    """All of an exchange, in a device that sleeps otherwise; whether to hand over.

    Takes WORD_MS at most, and no longer than the wake has. Raises OSError, BadPacket.
    """
    exchange = Exchange(wake.record, wake.settings, wake.station, wake.sensors)
    go = exchange.take(talk, payload)
    talk.send()
    exchange.answered()
    while exchange.waiting() and not go:
        if "$ota" not in talk.commands:
            try:
                talk.take(talk.link.packet(exchange.word.left()))
            except Silent:
                break
            continue
        go = exchange.take(talk, talk.commands.pop("$ota"))
        talk.send()
        exchange.answered()
    return go and exchange.begin(talk)
