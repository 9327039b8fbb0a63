from __future__ import annotations

import contextlib
import hashlib
import random
import struct
from pathlib import Path

import pytest
from esptool.bin_image import LoadFirmwareImage
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import image, trailer
from contracts.errors import (
    ChecksumError,
    DormouseError,
    FlashSizeError,
    NotAnImageError,
    NotOtaBuildError,
    TrailerError,
    VersionError,
)
from contracts.image import ImageKind
from contracts.versions import Version
from tests.contracts.known import known_key

KEY = known_key()
IROM = random.Random(3).randbytes(5001)
PLAIN = image.build_application(IROM)
SIGNED = image.stamp(PLAIN, "1.2.3", "nodemcu", KEY)


def built_for_zero() -> bytes:
    """As MicroPython's ordinary build: words in its segments point to text at 0x40209000."""
    pointers = struct.pack("<300I", *(0x40209000 + 64 * n for n in range(300)))
    return image.build_application(IROM, [(0x40100000, pointers), (0x3FFE8000, b"\0" * 64)])


def test_an_application_has_the_containers_form() -> None:
    size = 0x9000 + len(IROM)
    assert PLAIN[:2] == b"\xe9\x02"
    assert struct.unpack_from("<I", PLAIN, 0x8FFC) == (size,)
    assert PLAIN[0x9000:size] == IROM
    assert PLAIN[size:] == hashlib.md5(PLAIN[4:size]).digest()
    found = image.parse(PLAIN)
    assert found.kind is ImageKind.OTA
    assert (found.flash_mode, found.flash_size, found.entry) == ("dio", 1 << 20, 0x40100000)
    assert found.application
    assert found.application.whole
    assert (found.application.size, found.application.trailer) == (size, None)


def test_esptool_reads_what_we_build(tmp_path: Path) -> None:
    path = tmp_path / "app.bin"
    path.write_bytes(PLAIN)
    theirs = LoadFirmwareImage("esp8266", str(path))
    assert [(s.addr, len(s.data)) for s in theirs.segments] == [(0x40100000, 16), (0x3FFE8000, 16)]
    assert theirs.checksum == theirs.calculate_checksum()
    assert theirs.entrypoint == 0x40100000


def test_esptool_may_change_mode_and_size() -> None:
    changed = SIGNED[:2] + b"\x03\x40" + SIGNED[4:]
    found = image.parse(changed)
    assert (found.flash_mode, found.flash_size) == ("dout", 4 << 20)
    assert found.application
    assert found.application.whole
    assert found.application.trailer
    assert trailer.signed_by(changed, found.application.trailer, KEY.modulus)


def test_a_build_for_zero_is_told_apart() -> None:
    assert image.words_for_plain_build(PLAIN) == 0
    data = built_for_zero()
    assert image.words_for_plain_build(data) == 300
    assert image.parse(data).kind is ImageKind.PLAIN
    with pytest.raises(NotOtaBuildError, match="Fatal exception"):
        image.application(data)


def test_a_few_such_words_are_chance() -> None:
    words = struct.pack("<32I", *range(0x40209000, 0x40209000 + 32 * 4, 4))
    data = image.build_application(IROM, [(0x40100000, words), (0x3FFE8000, b"\0" * 4)])
    assert image.words_for_plain_build(data) == 32
    assert image.parse(data).kind is ImageKind.OTA


def test_bootloaders_and_halves() -> None:
    boot = b"\xe9\x01\x00\x20" + struct.pack("<III", 0x40100000, 0x40100000, 64) + b"\0" * 64
    assert image.parse(boot).kind is ImageKind.BOOTLOADER
    merged = boot.ljust(0x1000, b"\xff") + PLAIN
    assert image.parse(merged).kind is ImageKind.MERGED
    half = b"\xe9\x02\x00\x20" + struct.pack("<I", 0x40100000)
    half += struct.pack("<II", 0x40100000, 0x2000) + b"\0" * 0x2000
    half += struct.pack("<II", 0x3FFE8000, 4) + b"\0" * 4
    assert image.parse(half).kind is ImageKind.SEGMENTS
    for data in (boot, merged, half):
        with pytest.raises(NotOtaBuildError, match="not an application"):
            image.application(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"#!/bin/sh", "does not begin with E9"),
        (b"\xe9", "does not begin with E9"),
        (b"\xea\x04\0\0" + b"\0" * 100, "Espressif's own bootloader"),
        (b"\xe9\x00" + b"\0" * 100, "0 segments"),
        (b"\xe9\xff" + b"\0" * 100, "255 segments"),
        (PLAIN[:20], "cut short in segment 1"),
        (PLAIN[:36], "cut short before segment 2"),
        (PLAIN[:-1], "cut short: "),
        (PLAIN[:0x8FFC] + struct.pack("<I", 800_001) + PLAIN[0x9000:], "at most 800000"),
    ],
    ids=lambda value: value if isinstance(value, str) else "data",
)
def test_what_is_no_image(data: bytes, says: str) -> None:
    with pytest.raises(NotAnImageError, match=says):
        image.parse(data)


def test_the_largest_application() -> None:
    assert image.parse(image.build_application(bytes(800_000 - 0x9000))).kind is ImageKind.OTA
    with pytest.raises(FlashSizeError):
        image.build_application(bytes(800_001 - 0x9000))


@pytest.mark.parametrize("at", [4, 8, 0x8000, 0x9000, 0x9000 + len(IROM) - 1])
def test_damage_is_found(at: int) -> None:
    flipped = bytearray(PLAIN)
    flipped[at] ^= 1
    with pytest.raises((ChecksumError, NotAnImageError)):
        image.application(bytes(flipped))


def test_the_trailer_says_what_was_stamped() -> None:
    said = image.application(SIGNED).trailer
    assert said
    assert (said.version, said.board, len(said.signature)) == ("1.2.3", "nodemcu", 64)
    assert said.offset % 4 == 0
    assert said.offset - len(PLAIN) in range(4)
    assert said.end == len(SIGNED)
    assert SIGNED.startswith(PLAIN)
    assert trailer.signed_by(SIGNED, said, KEY.modulus)
    head = SIGNED[said.offset : said.signed_end]
    assert struct.unpack("<8sHHIII24s28sI", head) == (
        b"DORMOUSE",
        1,
        64,
        0x02E9,
        0x9000 + len(IROM),
        0x01020003,
        b"1.2.3".ljust(24, b"\0"),
        b"nodemcu".ljust(28, b"\0"),
        0x01020003,  # the security counter: the version's number, unless told otherwise
    )


def test_the_signature_is_openssls(tmp_path: Path) -> None:
    # The form in docs/images.md, checked without our own reader.
    said = image.application(SIGNED).trailer
    assert said
    block = pow(int.from_bytes(said.signature, "big"), 3, int.from_bytes(KEY.modulus, "big"))
    info = bytes.fromhex("3031300d060960864801650304020105000420")
    digest = hashlib.sha256(SIGNED[4 : said.signed_end]).digest()
    assert block.to_bytes(64, "big") == b"\0\1" + b"\xff" * 10 + b"\0" + info + digest


def test_a_stamp_without_key_and_a_second_stamp() -> None:
    stamped = image.stamp(SIGNED, "2.0.0")
    said = image.application(stamped).trailer
    assert said
    assert (said.version, said.board, said.signature) == ("2.0.0", "", b"")
    assert not trailer.signed_by(stamped, said, KEY.modulus)
    assert image.stamp(stamped, "1.2.3", "nodemcu", KEY) == SIGNED


@pytest.mark.parametrize("part", ["segments", "irom", "md5", "version", "board", "signature"])
def test_a_signed_image_that_was_changed_is_not_ours(part: str) -> None:
    said = image.application(SIGNED).trailer
    assert said
    at = {
        "segments": 16,
        "irom": 0x9100,
        "md5": said.offset - 8,
        "version": said.offset + 20,
        "board": said.offset + 48,
        "signature": said.end - 1,
    }[part]
    flipped = bytearray(SIGNED)
    flipped[at] ^= 1
    data = bytes(flipped)
    assert not trailer.signed_by(data, said, KEY.modulus) or part == "signature"
    try:
        found = image.application(data).trailer
    except DormouseError:
        return
    assert found
    assert not trailer.signed_by(data, found, KEY.modulus)


def test_a_trailer_of_another_image_or_cut_short() -> None:
    other = image.build_application(IROM[::-1])
    said = image.application(SIGNED).trailer
    assert said
    grafted = other + SIGNED[len(other) :]
    found = image.application(grafted).trailer
    assert found
    assert not trailer.signed_by(grafted, found, KEY.modulus)
    longer = image.build_application(IROM + b"1234")
    with pytest.raises(TrailerError, match="another image"):
        image.application(longer + SIGNED[len(PLAIN) :])
    for end, says in ((said.offset + 79, "cut short"), (said.end - 1, "signature is cut short")):
        with pytest.raises(TrailerError, match=says):
            image.application(SIGNED[:end])
    with pytest.raises(TrailerError, match="format 2"):
        image.application(SIGNED[: said.offset + 8] + b"\2" + SIGNED[said.offset + 9 :])


def test_texts_that_do_not_fit() -> None:
    with pytest.raises(TrailerError, match="at most 27"):
        image.stamp(PLAIN, "1.2.3", "b" * 33)
    with pytest.raises(TrailerError, match="at most 24"):
        image.stamp(PLAIN, "1.2.3-" + "x" * 19)
    with pytest.raises(TrailerError, match="ASCII"):
        image.stamp(PLAIN, "1.2.3", "gerät")


@pytest.mark.parametrize("text", ["", "1.2", "v1.2.3", "1.2.3.4", "256.0.0", "0.0.65536", "a.b.c"])
def test_version_nonsense(text: str) -> None:
    with pytest.raises(VersionError):
        Version.parse(text)


def test_versions_are_ordered_by_number() -> None:
    texts = ["0.9.12", "0.10.2", "0.10.10-dev", "1.0.0+abc"]
    versions = [Version.parse(text) for text in texts]
    assert versions == sorted(versions)
    assert [v.number for v in versions] == sorted(v.number for v in versions)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=64).map(lambda b: b"\xe9" + b))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    with contextlib.suppress(DormouseError):  # any other exception fails
        assert image.parse(data).segments


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, len(SIGNED) - 1), st.binary(min_size=1, max_size=8), st.integers(0, len(SIGNED))
)
def test_a_damaged_image_is_never_taken_for_signed(at: int, patch: bytes, end: int) -> None:
    data = (SIGNED[:at] + patch + SIGNED[at + len(patch) :])[: max(end, at + len(patch))]
    if data[:2] == SIGNED[:2] and data[4:] == SIGNED[4:]:
        return
    try:
        found = image.application(data).trailer
    except DormouseError:
        return
    assert found is None or not trailer.signed_by(data, found, KEY.modulus)
