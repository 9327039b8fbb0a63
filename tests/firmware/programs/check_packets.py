"""MQTT packets against the examples of the standard, and a parser fed in pieces."""

import random

from dormouse import packets
from seed import SEED

random.seed(SEED)

out = bytearray()
packets.connect(out, "dev", "pw", 30)
assert out == b"\x10\x18\x00\x04MQTT\x04\xc2\x00\x1e\x00\x03dev\x00\x03dev\x00\x02pw", out
out = bytearray()
packets.connect(out, "dev", "", 60)
assert out == b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03dev", out
out = bytearray()
packets.connect(out, "d", "p", 60, ("t/o", "0"))
assert (
    out == b"\x10\x1b\x00\x04MQTT\x04\xee\x00\x3c\x00\x01d\x00\x03t/o\x00\x010\x00\x01d\x00\x01p"
), out
out = bytearray()
packets.subscribe(out, 10, [("a/b", 1), ("c/d", 0)])
assert out == b"\x82\x0e\x00\x0a\x00\x03a/b\x01\x00\x03c/d\x00"
out = bytearray()
packets.publish(out, "a/b", "x", 10, True)
packets.publish(out, "a/b", b"")
assert out == b"\x33\x08\x00\x03a/b\x00\x0ax\x30\x05\x00\x03a/b"
out = bytearray()
packets.publish(out, "t", b"x" * 125)
assert out[:3] == b"\x30\x80\x01" and len(out) == 3 + 128
out = bytearray()
packets.publish(out, "tä", "ü", 0)
assert out == b"\x30\x07\x00\x03t\xc3\xa4\xc3\xbc"
assert packets.puback(0x1234) == b"\x40\x02\x12\x34"

# A stream of packets, some too long, arrives in pieces of any size.
for _ in range(20):
    stream, sent = bytearray(), []
    for n in range(3):
        size = random.getrandbits(12) if random.getrandbits(1) else random.getrandbits(4)
        payload = bytes([random.getrandbits(8)]) * size
        packets.publish(stream, "topic", payload, n + 1)
        if 2 + 5 + 2 + size <= packets.MAX_PACKET:
            sent.append(payload)
    parser, got, i = packets.Parser(), [], 0
    while i < len(stream):
        step = 1 + random.getrandbits(9)
        parser.feed(stream[i : i + step])
        i += step
        while True:
            packet = parser.packet()
            if packet is None:
                break
            kind, flags, body = packet
            assert kind == packets.PUBLISH
            topic, payload, packet_id = packets.parse_publish(flags, body)
            assert topic == "topic" and packet_id
            got.append(payload)
    assert got == sent
    assert not parser.data

# Nonsense is refused and nothing else.
for _ in range(300):
    body = bytes([random.getrandbits(8) for _ in range(random.getrandbits(4))])
    try:
        packets.parse_publish(random.getrandbits(4), body)
    except packets.BadPacket:
        pass
parser = packets.Parser()
parser.feed(b"\x30\xff\xff\xff\xff\x01")
try:
    parser.packet()
    assert False
except packets.BadPacket:
    pass
