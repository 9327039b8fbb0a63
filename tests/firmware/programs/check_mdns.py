"""Answers of multicast DNS: as other programs send them, cut, and with noise in them."""

import random

import seed
from dormouse import mdns

random.seed(seed.SEED)

HUB = b"\x0aDormouse 1\x09_dormouse\x04_tcp\x05local\0"


def u16(*numbers):
    return b"".join([bytes((number >> 8, number & 255)) for number in numbers])


def record(name, kind, data):
    return name + u16(kind, 1, 0, 10, len(data)) + data


# As RFC 6762 (section 6.7) has it for who asks from another port: the question again, then all that
# belongs to the answer. Names point back at those before (RFC 1035, section 4.1.4).
head = b"\x12\x34\x84\0" + u16(1, 1, 0, 3)
question = b"\x09_dormouse\x04_tcp\x05local\0" + u16(12, 1)
service = u16(0xC000 | 12)
local = u16(0xC000 | 12 + 15)
instance_at = 12 + len(question) + 2 + 10
instance = u16(0xC000 | instance_at)
pointer = record(service, 12, b"\x0aDormouse 1" + service)
target_at = 12 + len(question) + len(pointer) + 2 + 10 + 6
server = record(instance, 33, u16(0, 0, 2883) + b"\x08Hub-1a2b" + local)
text = record(instance, 16, b"\x09http=8080\x0aenrol=2884")
place = record(u16(0xC000 | target_at), 1, bytes((192, 168, 1, 7)))
ANSWER = head + question + pointer + server + text + place

records = mdns._records(ANSWER)
assert [kind for _name, kind, _packet, _at, _end in records] == [12, 33, 16, 1]
assert records[1][0] == b"dormouse 1._dormouse._tcp.local"
assert records[3][0] == b"hub-1a2b.local"
assert mdns._address(records, b"hub-1a2b.local") == "192.168.1.7"
assert mdns._address(records, b"hub.local") is None
assert mdns._enrol_port(records, records[1][0]) == 2884

# The same without pointers, and one that has no text.
plain = b"\x12\x34\x84\0" + u16(0, 2, 0, 0)
plain += record(HUB, 33, u16(0, 0, 1883) + b"\x03hub\x05local\0")
plain += record(b"\x03hub\x05local\0", 1, bytes((10, 0, 0, 1)))
records = mdns._records(plain)
assert mdns._name(plain, records[0][3] + 6)[0] == b"hub.local"
assert mdns._enrol_port(records, records[0][0]) == 0


def broken(packet):
    """Whatever it is: records, or one of the two errors."""
    try:
        for name, _kind, _packet, at, end in mdns._records(packet):
            assert at <= end <= len(packet)
            mdns._address([(name, 1, packet, at, end)], name)
            mdns._enrol_port([(name, 16, packet, at, end)], name)
            mdns._name(packet, at + 6)
    except (IndexError, ValueError):
        return True
    return False


for size in range(len(ANSWER)):
    assert broken(ANSWER[:size]), size
# Names that point at themselves, at each other, past the end; more records than there are.
for packet in (
    head + u16(0xC000 | 12) + u16(12, 1),
    head + u16(0xC000 | 14, 0xC000 | 12) + u16(12, 1),
    head + u16(0xFFFF) + u16(12, 1),
    b"\x12\x34\x84\0" + u16(65535, 65535, 65535, 65535) + bytes(500),
    # More labels than 255 bytes hold: a name takes memory.
    b"\x12\x34\x84\0" + u16(0, 1, 0, 0) + record(b"\x01a" * 200 + b"\0", 1, bytes(4)),
    head + b"\x40" + bytes(70),
):
    assert broken(packet)
for _ in range(300):
    packet = bytearray(ANSWER)
    for _ in range(4):
        packet[random.getrandbits(10) % len(packet)] = random.getrandbits(8)
    broken(bytes(packet))
