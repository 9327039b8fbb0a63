"""What device and hub say about an update command: accepted or not, and the hub's reply to begin.

Loaded only when there is a command, or an outcome to publish.
"""

import hashlib
import json
import os

import esp

from dormouse import identity, messages, ota, ota_command, security_counter
from dormouse.deadline import Deadline
from dormouse.tcp import Timeout
from dormouse.version import BOARD, VERSION

STATE_TOPIC = "$ota/state"
# So long is the hub's reply waited for, with WiFi on.
REPLY_MS = 2000
# A device that stays awake asks again after so many seconds without a reply.
RETRY_S = 60
_MAX_RETRY_S = 3600
# The digest of a refused command lies where the OTA magic would: never the magic, with these zeros.
_DIGEST_PREFIX = b"\0" * 4
# Room for the application, by the size of flash (`app` in partitions/*.csv); a bootloader takes
# no image over 800 000 bytes.
SLOTS = {0x100000: 0x99000, 0x200000: 0xC4000, 0x400000: 0xC4000}
_MAX_IMAGE = 800_000


# Where this package may lie as files: found before what an update brings, and out of its reach.
COPIES = ("/dormouse", "/lib/dormouse", "/rom/dormouse", "/rom/lib/dormouse")


def slot_size() -> int:
    """The largest application that fits this flash, in bytes; 0 if we are not in its slot."""
    for copy in COPIES:
        try:
            os.stat(copy)
            return 0
        except OSError:
            pass
    return min(SLOTS.get(esp.flash_size(), SLOTS[0x100000]), _MAX_IMAGE)


def queue_outcome(session, record):
    """Queue the outcome of the last update; return what to call when the broker has it."""
    last = ota.outcome(record)
    if last:
        publish_state(session, last["id"], last["state"], last.get("reason"))
    return lambda: ota.store_outcome(record, last)


def publish_state(session, number, state: str, reason=None, address=None, last=0) -> None:
    """Queue a `$ota/state` about the command of that number, if it has a valid one.

    `last` is the number of the last command that was followed, where that is the reason.
    """
    payload = {"state": state, "version": VERSION}
    if ota_command.valid_id(number):
        payload["id"] = number
    if reason:
        payload["reason"] = reason
    if address:
        payload["address"] = address
    if last:
        payload["last"] = last
    session.publish(STATE_TOPIC, json.dumps(payload), True)


class Negotiation:
    """What is said about update commands in one MQTT session."""

    def __init__(self, record, settings, station, sensors):
        self.record = record
        self.settings = settings
        self.station = station
        self.sensors = sensors
        # The command that was accepted, until when a reply to it counts, and when to ask again.
        self.command: dict = {}
        self.reply = Deadline(0)
        self.retry = Deadline(0)
        # Digest of a command whose refusal the broker has not acknowledged.
        self.refused = b""

    def waiting(self) -> bool:
        """Whether the hub's reply may still come."""
        return bool(self.command) and self.reply.left() > 0

    def retry_due(self) -> bool:
        """Whether a device that stays awake should ask once more."""
        return bool(self.command) and not self.reply.left() and not self.retry.left()

    def handle(self, session, payload) -> bool:
        """Queue the answer to what came on `$ota`; True if it says to begin."""
        if not payload:
            begin = self.waiting()
            if not begin:
                self.command = {}
            return begin
        command = messages.json_object(payload)
        if "later" in command:
            # A reply, not a command: about ours, or one that came too late.
            if command.get("id") == self.command.get("id"):
                self._postpone(command["later"])
            return False
        self._answer(session, payload, command)
        return False

    def _postpone(self, seconds) -> None:
        number = isinstance(seconds, int) and not isinstance(seconds, bool)
        self.reply = Deadline(0)
        self.retry = Deadline(1000 * (max(1, min(seconds, _MAX_RETRY_S)) if number else RETRY_S))

    def _answer(self, session, payload, command: dict) -> None:
        record = self.record
        self.command = {}
        digest = _DIGEST_PREFIX + hashlib.sha256(payload).digest()[:4]
        if digest in (record.magic, self.refused):
            return
        target = ota_command.Target(
            identity.device_id(), VERSION, BOARD, slot_size(),
            self.settings.ota_key, self.sensors.battery_mv, security_counter.stored(),
        )  # fmt: skip
        last = ota.last_update()
        state, reason = ota_command.decide(command, target, last)
        if state == ota_command.ACCEPTED:
            self.command = command
            self.accept(session)
        else:
            number = last.get("id", 0) if reason == "old" else 0
            publish_state(session, command.get("id"), state, reason, None, number)
            self.refused = digest

    def acknowledged(self) -> None:
        """The broker has the answers: a command that was refused needs no other."""
        if self.refused:
            self.record.magic = self.refused
            self.refused = b""

    def accept(self, session) -> None:
        """Queue that the command is accepted, and begin to wait for the hub's reply."""
        address = self.station.wlan.ifconfig()[0]
        publish_state(session, self.command["id"], ota_command.ACCEPTED, None, address)
        self.reply = Deadline(REPLY_MS)
        self.retry = Deadline(1000 * RETRY_S)

    def begin(self, session) -> bool:
        """Publish and store that the update begins; whether to enter the OTA server now.

        Raises OSError, BadPacket.
        """
        publish_state(session, self.command["id"], "updating")
        session.send()
        try:
            ota.store_begun(self.command)
        except OSError as error:
            # If it is not stored, the same command might be followed for ever.
            print("ota:", error)
            publish_state(session, self.command["id"], ota_command.FAILED, "flash")
            session.send()
            return False
        return True


def negotiate(wake, session, payload) -> bool:
    """All of a negotiation, in a device that sleeps otherwise; whether to enter the OTA server.

    Takes REPLY_MS at most, and no longer than the wake has. Raises OSError, BadPacket.
    """
    negotiation = Negotiation(wake.record, wake.settings, wake.station, wake.sensors)
    begin = negotiation.handle(session, payload)
    session.send()
    negotiation.acknowledged()
    while negotiation.waiting() and not begin:
        if "$ota" not in session.commands:
            try:
                session.handle(session.connection.wait_packet(negotiation.reply.left()))
            except Timeout:
                break
            continue
        begin = negotiation.handle(session, session.commands.pop("$ota"))
        session.send()
        negotiation.acknowledged()
    return begin and negotiation.begin(session)
