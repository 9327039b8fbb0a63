"""The security counter on flash: read, stored when an image is confirmed, torn, full."""

import hashlib
import struct

import esp
from dormouse import ota, ota_command, security_counter

PART = "../flash.bin"
SLOT = 0x3C000
AT = SLOT - 2048
ERASED = b"\xff" * 1024


def entry(counter):
    return struct.pack("<II", counter, counter ^ 0xFFFFFFFF)


def part(counters=b"", counter=5, marker=b"dormouse security counter;", signature=64, board=b""):
    """A flash part with our OTA server's text, the counters, and an image with a trailer."""
    size = 0xA003
    trailer = struct.pack("<8sHHIII24s28sI", b"DORMOUSE", 1, signature, 0xE9, size, 1,
                          b"1.0.0", board, counter)  # fmt: skip
    with open(PART, "wb") as file:
        for at, content in (
            (0x9000, b"some text;" + marker),
            (AT, counters),
            (SLOT + 0x8FFC, struct.pack("<I", size)),
            (SLOT + 0xA014, trailer),
        ):
            while file.tell() < at:
                file.write(ERASED[: at - file.tell()])
            file.write(content)


def counters():
    return esp.flash_read(AT, 2048)


def digest(since=0, until=SLOT + 0xB000):
    """Of the part, piece by piece."""
    found = hashlib.sha256()
    for at in range(since, until, 1024):
        found.update(esp.flash_read(at, min(1024, until - at)))
    return found.digest()


part()
assert security_counter.of_image() == 5
assert security_counter.stored() == 0
assert security_counter.due() == 5
before = digest(0, AT), digest(AT + 8)
ota.confirm_image()
assert counters() == entry(5) + b"\xff" * 2040
assert (digest(0, AT), digest(AT + 8)) == before
assert security_counter.due() == 0
after = digest()
ota.confirm_image()
assert digest() == after

# The highest counts; what is lower or the same is never stored.
part(entry(3) + entry(0xFFFFFFFE) + entry(7))
assert security_counter.stored() == 0xFFFFFFFE
assert security_counter.due() == 0
part(entry(4))
ota.confirm_image()
assert counters()[:24] == entry(4) + entry(5) + b"\xff" * 8

# An entry that power has torn is passed over, and what was confirmed before it holds.
NEW = 0x01020304
for torn in (entry(NEW)[:1], entry(NEW)[:4], entry(NEW)[:7], b"\x00" * 8):
    part(entry(4) + torn, NEW)
    assert security_counter.stored() == 4, torn
    assert security_counter.due() == NEW
    ota.confirm_image()
    assert security_counter.stored() == NEW
    assert counters()[8 : 8 + len(torn)] == torn

# No room: it stays as it is, and nothing else is written.
part(b"\x00" * 2048)
before = digest()
assert not security_counter.store(5)
ota.confirm_image()
assert digest() == before

# Images that have none, and bootloaders that leave it no place.
for changes in ({"counter": 0}, {"signature": 0}, {"board": b"x" * 28}, {"marker": b"another"}):
    part(**changes)
    before = digest()
    assert security_counter.due() == 0, changes
    ota.confirm_image()
    assert digest() == before, changes

# Numbers of commands go round: there is one after every other, and what was is not followed again.
for last in (1, 2, 50, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF):
    after = last % 0xFFFFFFFF + 1
    assert ota_command.newer(after, last), last
    assert not ota_command.newer(last, last), last
    assert not ota_command.newer(last, after), last
assert ota_command.newer(1786000000, 0xFFFFFFFF)
assert ota_command.newer(0xFFFFFFFF, 0)
