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
VERSION = 1
NO_MAGIC = b"\0" * 8
_FIELDS = "<BB4sIHIIIIIHBBHH6s4sB4s4sI4sII"
_FIXED = 8 + 4 + struct.calcsize(_FIELDS)
ROOM = SIZE - _FIXED
"""Bytes for pending readings."""

AWAKE = 1
"""Flag: a wake is under way (seen at start: that wake did not end in sleep)."""
CRASHED = 2
"""Flag: the wake before was ended by the watchdog."""
RELAY = 8
"""Flag: the switch is on."""
PORTAL = 16
"""Flag: the next start opens the portal."""
ADDRESS = 4
"""Flag: the static address is known."""
OUTCOME = 32
"""Flag: what became of an update is still to be told."""
TRIAL = 128
"""Flag: WiFi credentials are on trial."""
UNLOCKED = 64
"""Flag: the access point is to be locked again, after an update."""


def more(count: int) -> int:
    """Count on in a byte: past 255 it goes round within 248..255, so that every 8th comes up."""
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
        # The sleep under way (ms), and what is to follow it (s): longer sleeps are chained.
        self.slept = 0
        self.left = 0
        # Numbers of readings: the last one taken, the last one the broker took, thinned out.
        self.seq = 0
        self.sent = 0
        self.lost = 0
        self.awake_ms = 0
        # Wakes since the database last acknowledged; wakes in a row that reached no broker.
        self.stuck = 0
        self.failures = 0
        # Digests of the list of series and of the WiFi credentials that the rest belongs to.
        self.series = 0
        self.wifi = 0
        self.bssid = b"\0" * 6
        self.address = b"\0" * 4
        self.prefix = 24
        self.gateway = b"\0" * 4
        self.dns = b"\0" * 4
        # `up_s` when DHCP last gave the address.
        self.leased = 0
        # The broker's address, so that a wake needs no DNS; zeros: not known.
        self.broker = b"\0" * 4
        self.pending = Pending()

    def has(self, flag: int) -> bool:
        """Whether a flag is set."""
        return bool(self.flags & flag)

    def set(self, flag: int, on: bool) -> None:
        """Set or clear a flag."""
        self.flags = self.flags | flag if on else self.flags & ~flag

    def pack(self) -> bytes:
        """The record as it stands in RTC memory. Readings that do not fit are thinned first."""
        self.lost += self.pending.thin(ROOM)
        body = struct.pack(
            _FIELDS, VERSION, self.flags, self.boot, self.up_s, self.up_ms, self.slept, self.left,
            self.seq, self.sent, self.lost, min(self.awake_ms, 65535), self.stuck,
            self.failures, self.series, self.wifi, self.bssid, self.address, self.prefix,
            self.gateway, self.dns, self.leased, self.broker, self.pending.base_at,
            self.pending.base_seq,
        ) + self.pending.data  # fmt: skip
        return self.magic + hashlib.sha256(body).digest()[:4] + body


def unpack(memory: bytes):
    """The record in `memory`, or None if there is no whole one."""
    if not _FIXED <= len(memory) <= SIZE:
        return None
    body = memory[12:]
    if hashlib.sha256(body).digest()[:4] != memory[8:12] or body[0] != VERSION:
        return None
    record = Record()
    (
        _version, record.flags, record.boot, record.up_s, record.up_ms, record.slept, record.left,
        record.seq, record.sent, record.lost, record.awake_ms, record.stuck,
        record.failures, record.series, record.wifi, record.bssid, record.address, record.prefix,
        record.gateway, record.dns, record.leased, record.broker, at, seq,
    ) = struct.unpack_from(_FIELDS, body)  # fmt: skip
    record.magic = bytes(memory[:8])
    try:
        record.pending = Pending(body[_FIXED - 12 :], at, seq)
    except IndexError:
        return None
    return record


def load():
    """(record, whether RTC memory held one); the OTA magic is kept in either case."""
    memory = RTC().memory()
    record = unpack(memory)
    if record is not None:
        return record, True
    record = Record()
    if memory[:8] in (b"yaotaota", b"zaotaota"):
        record.magic = bytes(memory[:8])
    return record, False


def save(record) -> None:
    """Write the record to RTC memory (no flash is written)."""
    RTC().memory(record.pack())
