"""Payloads: numbers as text, acknowledgements that are not what they should be."""

from dormouse import messages, rtc

assert [
    messages.format_value(*one) for one in ((20.125, 4), (20.0, 4), (-0.5, 1), (1013.251, 2))
] == [
    "20.125",
    "20",
    "-0.5",
    "1013.25",
]
assert [
    messages.format_value(*one) for one in ((1, 0), (0, 0), (True, 0), (99.6, 0), (-1.6, 0))
] == [
    "1",
    "0",
    "1",
    "100",
    "-2",
]
assert messages.format_value(-0.00001, 2) in ("0", "-0")

record = rtc.Record()
record.boot = b"\x01\x02\xfe\xff"
record.seq = 10
assert messages.boot_id(record) == "0102feff"
for payload, expected in (
    (b'{"boot":"0102feff","seq":7}', 7),
    (b'{"boot":"0102feff","seq":700}', 10),
    (b'{"boot":"0102feff","seq":-7}', -7),
    (b'{"boot":"0102feff","seq":"7"}', 0),
    (b'{"boot":"0102feff"}', 0),
    (b'{"boot":"00000000","seq":7}', 0),
    (b'{"seq":7}', 0),
    (b"[]", 0),
    (b"", 0),
    (b"{", 0),
    (b"\xff\xfe", 0),
    (b"null", 0),
):
    assert messages.acked_seq(messages.json_object(payload), record) == expected, payload

# Counters in a byte never end: every 8th comes up again and again.
count, eighths = 0, 0
for _ in range(800):
    count = rtc.count_up(count)
    assert 0 < count < 256
    eighths += count % 8 == 0
assert eighths == 100

# What went in comes out, and memory without the record is no record.
record.flags, record.up_s, record.lost, record.failures = 5, 123456, 3, 255
record.pending.add(100, 9, [(0, 1.5)])
memory = record.pack()
again = rtc.unpack(memory)
assert (again.flags, again.up_s, again.lost, again.failures) == (5, 123456, 3, 255)
assert list(again.pending.readings()) == [(9, 100, 0, 1.5)]
assert again.pack()[12:] == memory[12:]
assert memory[:8] == rtc.NO_MAGIC
assert rtc.unpack(memory[:-1]) is None and rtc.unpack(b"") is None
print("room", rtc.PENDING_SIZE)
