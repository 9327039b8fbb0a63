from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.ota import canned, protocol
from contracts.ota.errors import CannedFileError
from tests.contracts.known import known_key

KEY = known_key()
IMAGE = bytes(n * 7 & 255 for n in range(1000))
STREAM = protocol.build(IMAGE, KEY)
CANNED = canned.dump(STREAM)


def test_a_canned_file_is_yaota8266s_to_the_byte() -> None:
    # What yaota8266's ota_client.py makes of this image with this key.
    assert len(CANNED) == 1626
    assert hashlib.sha256(CANNED).hexdigest() == (
        "5726f62817278be494b0c95221be22fab0c3836bbc7f2a642818dd73b85180f7"
    )


def test_datagrams_have_the_form_of_the_protocol() -> None:
    assert [(d.seq, d.offset, d.length) for d in STREAM.data] == [
        (1, 0, 256),
        (2, 256, 256),
        (3, 512, 256),
        (4, 768, 232),
    ]
    assert [(d.seq, d.offset, d.length) for d in STREAM.end] == [(5, 0, 0), (6, 0, 0), (7, 0, 0)]
    last = STREAM.data[3].raw
    assert last[:12] == bytes([4, 0, 0, 0, 0, 0, 232, 0, 0, 3, 0, 0])
    assert last[12:244] == IMAGE[768:]
    assert (len(last) - 4 - 64) % 16 == 0
    assert all(d == protocol.parse_datagram(d.raw) for d in (*STREAM.data, *STREAM.end))


def test_the_largest_datagram_arrives() -> None:
    # 2048 bits: sequence number, header and data padded to 16, signature.
    assert 4 + (8 + protocol.DATA_SIZE + 15) // 16 * 16 + 256 <= 548


def test_canned_and_back() -> None:
    assert canned.parse(CANNED) == STREAM
    assert (STREAM.payload(), STREAM.size, STREAM.key_bits) == (IMAGE, 1000, 512)
    assert STREAM.signed_by(KEY.modulus)


def test_progress_of_signing_ends_at_the_end() -> None:
    seen: list[tuple[int, int]] = []
    protocol.build(IMAGE, KEY, lambda done, total: seen.append((done, total)))
    assert seen == [(256, 1000), (512, 1000), (768, 1000), (1000, 1000)]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"yaota", "not a canned update"),
        (CANNED[:-21], "cut short"),
        (CANNED[:200], "damaged|cut short"),
        (CANNED[:100] + b"!" + CANNED[101:], "SHA-1"),
        (CANNED + b"more", "SHA-1"),
        (CANNED[:10], "cut short"),
        (b"yaota8266\x01" + bytes(30), "SHA-1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "data",
)
def test_a_damaged_canned_file(data: bytes, says: str) -> None:
    with pytest.raises(CannedFileError, match=says):
        canned.parse(data)


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (protocol.SignedStream(STREAM.data[1:], STREAM.end), "gap at 0x0"),
        (protocol.SignedStream(STREAM.data[:1] + STREAM.data[2:], STREAM.end), "gap at 0x100"),
        (protocol.SignedStream(STREAM.data, ()), "no end"),
        (protocol.SignedStream((), STREAM.end), "no data"),
    ],
)
def test_a_canned_file_that_is_no_whole_update(stream: protocol.SignedStream, says: str) -> None:
    with pytest.raises(CannedFileError, match=says):
        canned.parse(canned.dump(stream))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(CANNED) - 1), st.integers(1, 255))
def test_any_flipped_byte_of_a_canned_file_is_found(at: int, change: int) -> None:
    data = bytearray(CANNED)
    data[at] ^= change
    with pytest.raises(CannedFileError):
        canned.parse(bytes(data))


@settings(max_examples=300, deadline=None)
@given(st.integers(4, len(STREAM.data[0].raw) - 1), st.integers(1, 255))
def test_any_flipped_byte_of_a_datagram_spoils_its_signature(at: int, change: int) -> None:
    raw = bytearray(STREAM.data[0].raw)
    raw[at] ^= change
    datagram = protocol.parse_datagram(bytes(raw))
    assert datagram is None or not protocol.is_signed_by(datagram, KEY.modulus)


def test_a_new_sequence_number_keeps_the_signature() -> None:
    again = protocol.parse_datagram(protocol.renumbered(STREAM.data[1].raw, 0xFFFFFFFF))
    assert again
    assert (again.seq, again.offset) == (0xFFFFFFFF, 256)
    assert protocol.is_signed_by(again, KEY.modulus)


def test_answers() -> None:
    raw = STREAM.data[1].raw[:12] + bytes(8)
    assert protocol.parse_answer(raw) == (2, 0, 256, 256)
    for bad in (b"", raw[:-1], raw + b"\0", raw[:4] + b"\1" + raw[5:]):
        assert protocol.parse_answer(bad) is None
