"""What may be kept as an update: whole, for a board, signed by one key, and nothing else."""

from __future__ import annotations

import hashlib
import random
import struct
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts import image
from contracts.ota import canned, protocol
from host import flash_maps, keys
from hub.firmware.check import MAX_UPLOAD, check
from hub.firmware.errors import ImageRefusedError, ImageTooLargeError
from hub.firmware.layouts import layouts
from tests.contracts.test_checks import FOR_ZERO
from tests.support.images import canned_image, plain_image, signing_key

KEY = signing_key()
GOOD = canned_image()
MAPS = layouts("")


def signed(data: bytes, key=KEY) -> bytes:
    return canned.dump(protocol.build(data, key))


def test_what_is_in_a_good_one():
    found = check(GOOD, MAPS)
    assert (found.version, found.board, found.key) == ("1.2.3", "nodemcu", KEY.name)
    assert found.size == len(canned.parse(GOOD).payload())


@pytest.mark.parametrize("bits", [512, 768, 1536, 2048])
def test_keys_of_every_size_are_known_by_their_signatures(bits, tmp_path):
    key = keys.new(tmp_path / "key.pem", bits)
    assert check(canned_image(key=key)).key == key.name


def two_keys() -> bytes:
    stream = canned.parse(GOOD)
    other = protocol.build(stream.payload(), signing_key("other"))
    data = (*stream.data[:-1], other.data[-1])
    return canned.dump(protocol.SignedStream(data, stream.end))


def foreign_end() -> bytes:
    stream = canned.parse(GOOD)
    other = protocol.build(stream.payload(), signing_key("other"))
    return canned.dump(protocol.SignedStream(stream.data, other.end))


def odd_datagrams() -> bytes:
    """Datagrams of 255 bytes, rightly signed: a server's sector never gets full."""
    data = canned.parse(GOOD).payload()
    parts = [
        protocol._datagram(n + 1, at, data[at : at + 255], KEY)
        for n, at in enumerate(range(0, len(data), 255))
    ]
    return canned.dump(protocol.SignedStream(tuple(parts), protocol.build(data, KEY).end))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "sign it first"),
        (image.stamp(plain_image(), "1.2.3", "nodemcu", KEY), "sign it first"),
        (GOOD[:-1], "cut short|SHA-1 is wrong"),
        (GOOD + b"!", "SHA-1 is wrong"),
        (signed(plain_image()), "says no version"),
        (signed(FOR_ZERO), "linked for 0x0"),
        (signed(b"hello, world" * 100), "not an ESP8266 image"),
        (signed(plain_image()[:-1] + b"!"), "MD5 is wrong"),
        (signed(image.stamp(plain_image(), "1.2.3", "", signing_key("other"))), "another key"),
        (two_keys(), "not all signed with the same key"),
        (foreign_end(), "not all signed with the same key"),
        (odd_datagrams(), "do not fill a sector"),
        (
            signed(
                image.stamp(
                    image.build_application(bytes(700_000), flash_size=1 << 20), "1.0.0", "", KEY
                )
            ),
            None,
        ),
        (
            signed(
                image.stamp(image.build_application(b"", flash_size=16 << 20), "1.0.0", "", KEY)
            ),
            "flash",
        ),
    ],
)
def test_what_is_refused_is_refused_in_one_line(data: bytes, said: str | None):
    if said is None:  # too large for a 1 MiB part's slot, but a 2 MiB part takes it
        assert check(data, MAPS).version == "1.0.0"
        small = [flash_map for flash_map in MAPS if flash_map.size == 1 << 20]
        with pytest.raises(ImageRefusedError, match="more than its slot"):
            check(data, small)
        return
    with pytest.raises(ImageRefusedError, match=said) as refused:
        check(data, MAPS)
    assert "\n" not in str(refused.value)


def test_a_map_of_ones_own(tmp_path):
    file = tmp_path / "partitions.csv"
    file.write_text("app, app, ota_0, 0x3c000, 0x9000,\nvfs, data, littlefs, 0x45000, 0xbb000,")
    (own,) = layouts(str(file))
    with pytest.raises(ImageRefusedError, match="more than its slot"):
        check(GOOD, [own])
    assert flash_maps.read(file).app.size == 0x9000


def test_an_upload_has_a_bound():
    with pytest.raises(ImageTooLargeError, match=str(MAX_UPLOAD)):
        check(GOOD + bytes(MAX_UPLOAD))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_garbage_is_refused_and_nothing_else(data: st.DataObject):
    """Bytes changed, cut, doubled or made up: refused by name, or so far from mattering that the
    whole still proves itself."""
    how = data.draw(st.sampled_from(["flip", "cut", "insert", "lengths", "made up"]))
    raw = bytearray(GOOD)
    at = data.draw(st.integers(0, len(raw) - 1))
    if how == "flip":
        raw[at] ^= data.draw(st.integers(1, 255))
    elif how == "cut":
        del raw[at:]
    elif how == "insert":
        raw[at:at] = data.draw(st.binary(min_size=1, max_size=600))
    elif how == "lengths":
        raw[10:12] = struct.pack("<H", data.draw(st.integers(0, 65535)))
    else:
        raw = bytearray(b"yaota8266\x01" + data.draw(st.binary(max_size=2000)))
    with pytest.raises(ImageRefusedError) as refused:
        check(bytes(raw), MAPS)
    assert "\n" not in str(refused.value)


def test_forged_signatures_make_no_key():
    """Signatures chosen to be cubes, zero, equal, or of random bytes."""
    rng = random.Random(5)
    stream = canned.parse(GOOD)
    size = protocol.signature_size(stream.data[0])
    for forge in (
        lambda _: bytes(size),
        lambda _: b"\0" * (size - 1) + b"\x01",
        lambda _: b"\xff" * size,
        lambda _: rng.randbytes(size),
    ):

        def forged(datagrams, forge=forge):
            return tuple(d._replace(raw=d.raw[:-size] + forge(d)) for d in datagrams)

        raw = canned.dump(protocol.SignedStream(forged(stream.data), forged(stream.end)))
        with pytest.raises(ImageRefusedError, match=r"not signed|not all signed"):
            check(raw)


def test_the_largest_upload_of_the_smallest_datagrams_costs_little():
    """36,000 datagrams of one byte each: as much as an upload can make the hub work."""
    size = 4 + 16 + 64
    datagrams = [struct.pack("<HIHHI", size, n, 0, 1, n) + bytes(size - 12) for n in range(36_000)]
    body = b"yaota8266\x01" + b"".join(datagrams)
    raw = body + bytes(2) + hashlib.sha1(body).digest()
    assert len(raw) < MAX_UPLOAD
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(ImageRefusedError):
        check(raw, MAPS)
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 << 20
    assert spent < 5
