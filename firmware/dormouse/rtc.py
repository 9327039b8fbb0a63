"""What a sleeping device remembers: one record in RTC user memory (492 bytes at most).

The first 8 bytes are left to the OTA magic (`yaotaota` asks the bootloader for an update,
`zaotaota` says that it was tried; with 4 zeros instead the other 4 may be the digest of a command
that was refused). The record follows: 4 bytes of SHA-256 over what comes after them, a version
byte, fixed fields, then the pending readings. A record that is absent, cut, changed or of another
version is not used at all: the device starts a new boot identity.
"""

import hashlib
import os
import struct

from machine import RTC

from dormouse.pending import Pending

SIZE = 492
VERSION = 2
NO_MAGIC = b"\0" * 8
OTA_REQUEST, OTA_TRIED = b"yaotaota", b"zaotaota"
# What version 1 had, and what came to it.
_FIELDS_1 = "<BB4sIHIIIIIHBBHH6s4sB4s4sI4sII"
_FIELDS = _FIELDS_1 + "BBHIHI"
_FIXED = 8 + 4 + struct.calcsize(_FIELDS)
PENDING_SIZE = SIZE - _FIXED
"""Bytes for pending readings."""

AWAKE = 1
"""Flag: a wake is under way (seen at start: that wake did not end in sleep)."""
HUNG = 2
"""Flag: the wake before was ended by the watchdog."""
RELAY_ON = 8
"""Flag: the switch is on."""
OPEN_PORTAL = 16
"""Flag: the next start opens the portal."""
STATIC_IP = 4
"""Flag: the address that DHCP gave is known, and used without asking again."""
OTA_OUTCOME = 32
"""Flag: the broker has not had the outcome of an update."""
WIFI_TRIAL = 128
"""Flag: WiFi credentials are on trial."""
LOCK_AGAIN = 64
"""Flag: the SDK is to be locked to an access point again, after an update."""


HUB_UNKNOWN, HUB_LISTS, HUB_ROWS = 0, 1, 2
"""Which form of `$batch` the hub reads, as far as it is known (rows.py)."""


def count_up(count: int) -> int:
    """One more, in a byte: past 255 it goes round within 248..255, so that every 8th comes up."""
    return count + 1 if count < 255 else 248


class Record:
    """The fields, with what a device that knows nothing starts with."""

    def __init__(self):
        self.magic = NO_MAGIC
        self.flags = 0
        self.boot = os.urandom(4)
        # Seconds and milliseconds on the device's clock since the boot identity was made.
        self.up_s = 0
        self.up_ms = 0
        # The sleep under way, and what is to follow it: longer sleeps are chained.
        self.sleep_ms = 0
        self.sleep_left_ms = 0
        # The last reading made and the last one the broker took, by number; how many were lost.
        self.seq = 0
        self.sent_seq = 0
        self.lost = 0
        self.awake_ms = 0
        # Wakes since the database last acknowledged; wakes in a row that reached no broker.
        self.unacked_wakes = 0
        self.failures = 0
        # Digests of the list of series and of the WiFi credentials that the rest
        # belongs to; 0 for none.
        self.series_digest = 0
        self.wifi_digest = 0
        self.bssid = b"\0" * 6
        self.address = b"\0" * 4
        self.prefix = 24
        self.gateway = b"\0" * 4
        self.dns = b"\0" * 4
        # `up_s` when DHCP last gave the address.
        self.leased_at = 0
        # For how many seconds from then on it is used without asking; when to ask again.
        self.usable_s = self.ask_at = 0
        # The broker's address, so that a wake needs no DNS; zeros: not known.
        self.broker_ip = b"\0" * 4
        # What of the hub is known; by how many halvings messages are smaller, for want of memory.
        self.hub = HUB_UNKNOWN
        self.halvings = 0
        # Digest of what the last whole report said; its `up`.
        self.report_digest = 0
        self.reported_at = 0
        self.pending = Pending()

    def has(self, flag: int) -> bool:
        """Whether a flag is set."""
        return bool(self.flags & flag)

    def set(self, flag: int, on: bool) -> None:
        """Set or clear a flag."""
        self.flags = self.flags | flag if on else self.flags & ~flag

    def pack(self) -> bytes:
        """The record as it stands in RTC memory. Readings that do not fit are thinned first."""
        self.lost += self.pending.thin(PENDING_SIZE)
        body = struct.pack(
            _FIELDS, VERSION, self.flags, self.boot, self.up_s, self.up_ms, self.sleep_ms,
            self.sleep_left_ms, self.seq, self.sent_seq, self.lost, min(self.awake_ms, 65535),
            self.unacked_wakes, self.failures, self.series_digest, self.wifi_digest, self.bssid,
            self.address, self.prefix, self.gateway, self.dns, self.leased_at, self.broker_ip,
            self.pending.base_at, self.pending.base_seq, self.hub, self.halvings,
            self.report_digest, self.reported_at, self.usable_s,
            self.ask_at,
        ) + self.pending.data  # fmt: skip
        return self.magic + hashlib.sha256(body).digest()[:4] + body


def unpack(memory: bytes):
    """The record in `memory`, or None if there is no whole one.

    One of version 1 is what an update finds: its readings wait on.
    """
    body = memory[12:]
    if not 13 <= len(memory) <= SIZE or hashlib.sha256(body).digest()[:4] != memory[8:12]:
        return None
    fields = {1: _FIELDS_1, VERSION: _FIELDS}.get(body[0])
    if fields is None or len(body) < struct.calcsize(fields):
        return None
    values = struct.unpack_from(fields, body)
    if body[0] == 1:
        values += (HUB_LISTS, 0, 0, 0, 0, 0)
    record = Record()
    (
        _version, record.flags, record.boot, record.up_s, record.up_ms, record.sleep_ms,
        record.sleep_left_ms, record.seq, record.sent_seq, record.lost, record.awake_ms,
        record.unacked_wakes, record.failures, record.series_digest, record.wifi_digest,
        record.bssid, record.address, record.prefix, record.gateway, record.dns, record.leased_at,
        record.broker_ip, at, seq, record.hub, record.halvings, record.report_digest,
        record.reported_at, record.usable_s, record.ask_at,
    ) = values  # fmt: skip
    record.magic = bytes(memory[:8])
    try:
        record.pending = Pending(body[struct.calcsize(fields) :], at, seq)
    except IndexError:
        return None
    return record


def load():
    """(record, whether RTC memory held a valid one); the OTA magic stays in either case."""
    memory = RTC().memory()
    record = unpack(memory)
    if record is not None:
        return record, True
    record = Record()
    if memory[:8] in (OTA_REQUEST, OTA_TRIED):
        record.magic = bytes(memory[:8])
    return record, False


def save(record) -> None:
    """Write the record to RTC memory (no flash is written)."""
    RTC().memory(record.pack())
