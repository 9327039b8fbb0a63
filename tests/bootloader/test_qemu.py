"""The real boot image, byte for byte what is flashed, takes every branch of its decision."""

from __future__ import annotations

import hashlib
import random
import re
from pathlib import Path

import pytest

from contracts import image
from contracts.ota import protocol
from tests.bootloader import qemu
from tests.bootloader.conftest import Signer
from tests.bootloader.qemu import APP, SERVER, Chip, power_on, rtc_file
from tests.bootloader.server import SLOT
from tests.support import seeds
from tests.support.bootloader import TOP

IROM = bytes(range(256)) * 5 + b"end!"


@pytest.fixture(scope="session")
def chip(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Chip:
    return qemu.build(tmp_path_factory.mktemp("chip"), signer)


@pytest.fixture(scope="session")
def signed(chip: Chip, signer: Signer) -> bytes:
    return image.stamp(chip.app(IROM), "1.2.3", "nodemcu", signer.key)


def start(chip: Chip, folder: Path, app: bytes, reason: int = qemu.POWER_ON, **how: object) -> int:
    """The exit status of a first start with an application in the slot."""
    flash = chip.flash(folder / "flash", app)
    before = flash.read_bytes()
    run = power_on(chip, flash, rtc_file(folder / "rtc", reason), **how)  # type: ignore[arg-type]
    assert flash.read_bytes() == before
    return run.status


@pytest.mark.parametrize("reason", [qemu.POWER_ON, qemu.SOFT, qemu.RESET_PIN])
@pytest.mark.parametrize("strict", [False, True])
def test_good_images_start(
    chip: Chip, signed: bytes, tmp_path: Path, reason: int, strict: bool
) -> None:
    for app in (signed, chip.app(IROM), image.stamp(chip.app(IROM), "1.2.3", "nodemcu")):
        assert start(chip, tmp_path, app, reason, strict=strict) == APP


@pytest.mark.parametrize("odd", range(1, 4))
def test_an_image_of_any_length_starts(
    chip: Chip, signer: Signer, tmp_path: Path, odd: int
) -> None:
    app = chip.app(IROM + b"x" * odd)
    assert start(chip, tmp_path, app) == APP
    assert start(chip, tmp_path, image.stamp(app, "1.2.3", "", signer.key)) == APP


def test_a_wake_from_deep_sleep_starts_the_application_unseen(
    chip: Chip, signed: bytes, tmp_path: Path
) -> None:
    flash = chip.flash(tmp_path / "flash", signed[:0x9010] + b"other" + signed[0x9015:])
    rtc = rtc_file(tmp_path / "rtc", qemu.DEEP_SLEEP, b"yaotaota")
    before = rtc.read_bytes()
    run = power_on(chip, flash, rtc, pins=(0, 0xFFFF), count=True)
    assert run.status == APP
    assert rtc.read_bytes() == before  # the request waits for a restart
    assert "boot:" not in run.said
    assert run.instructions < 100_000  # no wait, no check: little more than loading it


def test_the_check_takes_as_long_as_the_page_says(
    chip: Chip, signer: Signer, tmp_path: Path
) -> None:
    app = chip.app(random.Random(8266).randbytes((600 << 10) - image.IROM))
    signed = image.stamp(app, "1.0.0", "nodemcu", signer.key)
    flash = chip.flash(tmp_path / "flash", signed)
    run = power_on(chip, flash, rtc_file(tmp_path / "rtc", qemu.POWER_ON), count=True)
    assert run.status == APP
    page = (TOP / "docs/hardware.md").read_text()
    told = re.search(r"signed 600 KiB image takes ([\d.]+) million", page)
    assert told is not None
    assert run.instructions == pytest.approx(float(told[1]) * 1e6, rel=0.03)


@pytest.mark.parametrize("state", [b"", b"\0", b"and what the application keeps"])
def test_the_request_for_the_server_is_taken_once(
    chip: Chip, signed: bytes, tmp_path: Path, state: bytes
) -> None:
    flash = chip.flash(tmp_path / "flash", signed)
    rtc = rtc_file(tmp_path / "rtc", qemu.SOFT, b"yaotaota" + state)
    assert power_on(chip, flash, rtc).status == SERVER
    assert rtc.read_bytes()[0x214 : 0x21C + len(state)] == b"zaotaota" + state
    assert power_on(chip, flash, rtc).status == APP


@pytest.mark.parametrize("memory", [b"", b"yaotaot", b"yaotaotb", b"zaotaota", b"Yaotaota"])
def test_anything_else_in_rtc_memory_is_no_request(
    chip: Chip, signed: bytes, tmp_path: Path, memory: bytes
) -> None:
    flash = chip.flash(tmp_path / "flash", signed)
    rtc = rtc_file(tmp_path / "rtc", qemu.SOFT, memory)
    before = rtc.read_bytes()
    assert power_on(chip, flash, rtc).status == APP
    assert rtc.read_bytes() == before


@pytest.mark.parametrize(
    ("pins", "status"),
    [
        ((0, 0xFFFF), APP),  # from before the start: no change
        ((1, 0x0001), SERVER),
        ((2999, 0x8000), SERVER),
        ((3001, 0x0001), APP),  # too late
        ((100, 0x0FCA), APP),  # pins outside of 0xf035
    ],
)
def test_a_pin_that_changes_in_time_calls_the_server(
    chip: Chip, signed: bytes, tmp_path: Path, pins: tuple[int, int], status: int
) -> None:
    assert start(chip, tmp_path, signed, pins=pins) == status


def flip(app: bytes, at: int, bit: int = 0) -> bytes:
    return app[:at] + bytes([app[at] ^ 1 << bit]) + app[at + 1 :]


def test_a_flipped_bit_anywhere_calls_the_server(chip: Chip, signed: bytes, tmp_path: Path) -> None:
    size = len(chip.app(IROM)) - 16
    seed = seeds.seed()
    chosen = random.Random(seed)
    places = [0, 1, 4, 8, 0x8FFC, 0x8FFF, 0x9000, size - 1, size, size + 15, len(signed) - 1]
    places += [size + 16 + at for at in (8, 12, 16, 20, 24, 48, 80, 81)]
    places += chosen.sample(range(4, len(signed)), 12)
    # Without the trailer's magic or its signature's length there is no signature: the MD5 decides.
    unsigned = {size + 16 + at for at in (*range(8), 10, 11)}
    for place in set(places) - unsigned:
        flipped = flip(signed, place, chosen.randrange(8))
        assert start(chip, tmp_path, flipped) == SERVER, hex(place)
    for place in (4, 0x9000, size - 1, size):
        assert start(chip, tmp_path, flip(chip.app(IROM), place)) == SERVER, hex(place)


def test_flash_mode_and_size_belong_to_the_board(chip: Chip, signed: bytes, tmp_path: Path) -> None:
    for app in (signed, chip.app(IROM)):
        assert start(chip, tmp_path, flip(flip(app, 2), 3, 4)) == APP


def test_a_truncated_image_calls_the_server(chip: Chip, signed: bytes, tmp_path: Path) -> None:
    size = len(chip.app(IROM)) - 16
    for length in (0, 4, 0x1000, 0x8FFC, 0x9000, size, size + 15, size + 16 + 80, len(signed) - 1):
        # What is cut off as 0xFF erased flash reads as, too: nothing is cut then.
        last = len(signed.rstrip(b"\xff")) - 1
        assert start(chip, tmp_path, signed[: min(length, last)]) == SERVER, hex(length)


def test_a_signature_of_another_key_calls_the_server(
    chip: Chip, stranger: Signer, small: Signer, tmp_path: Path
) -> None:
    for signer in (stranger, small):
        app = image.stamp(chip.app(IROM), "1.2.3", "nodemcu", signer.key)
        assert start(chip, tmp_path, app) == SERVER


def test_a_trailer_of_another_image_calls_the_server(
    chip: Chip, signer: Signer, tmp_path: Path
) -> None:
    ours, other = chip.app(IROM), chip.app(IROM[:-1] + b"?")
    trailer = image.stamp(other, "1.2.3", "nodemcu", signer.key)[len(other) :]
    assert start(chip, tmp_path, ours + trailer) == SERVER


def sized(app: bytes, size: int) -> bytes:
    """An image whose size word says `size` and whose MD5 is right for it."""
    app = app[:0x8FFC] + size.to_bytes(4, "little") + app[0x9000:]
    return app[:size].ljust(size, b"\0") + hashlib.md5(app[4:size].ljust(size - 4, b"\0")).digest()


@pytest.mark.parametrize(
    ("size", "status"),
    [
        (0x98FF0, APP),  # its MD5 ends with the slot
        (0x98FF4, SERVER),  # its MD5 would end outside
        (800_004, SERVER),
        (0x8FFC, SERVER),
        (0, SERVER),
        (0xFFFFFFFF, SERVER),
        (0xFFFFFFF4, SERVER),
    ],
)
def test_sizes_at_the_edges(chip: Chip, tmp_path: Path, size: int, status: int) -> None:
    app = chip.app(IROM)
    if 0x9000 <= size < 1 << 20:
        app = sized(app, size)
    else:
        app = app[:0x8FFC] + size.to_bytes(4, "little") + app[0x9000:]
    assert start(chip, tmp_path, app) == status


def test_a_signature_must_end_inside_the_slot(chip: Chip, signer: Signer, tmp_path: Path) -> None:
    most = 0x99000 - 0x9000 - 16 - 80 - 256
    for irom, status in ((most, APP), (most + 4, SERVER)):
        app = image.stamp(chip.app(b"\0" * irom), "1.2.3", "", signer.key)
        assert start(chip, tmp_path, app) == status


def segments_at(chip: Chip, *addresses: int) -> bytes:
    """An application that is whole, with segments of 16 bytes at these addresses."""
    return image.build_application(IROM, [(address, b"\0" * 16) for address in addresses])


@pytest.mark.parametrize(
    "addresses",
    [
        (0x40100000, 0x3FFF8000),  # over the bootloader's data
        (0x40100000, 0x3FFF7FF8),  # reaches into it
        (0x40100000, 0x60001200),  # RTC memory
        (0x40100000, 0x40107FF8),  # over the end of IRAM
        (0x40100002, 0x3FFE8000),  # not on a word
        (0x40100000, 0x40100100),  # twice over the bootloader's code
        (0x40102000, 0x3FFE8000),  # no vectors
    ],
)
def test_segments_that_cannot_be_loaded_call_the_server(
    chip: Chip, tmp_path: Path, addresses: tuple[int, ...]
) -> None:
    assert start(chip, tmp_path, segments_at(chip, *addresses)) == SERVER


def test_nothing_to_start_is_said(chip: Chip, tmp_path: Path) -> None:
    flash = chip.flash(tmp_path / "flash", b"")
    content = bytearray(flash.read_bytes())
    content[0x1000:0x2000] = b"\xff" * 0x1000
    flash.write_bytes(content)
    rtc = rtc_file(tmp_path / "rtc", qemu.POWER_ON)
    qemu.boot_for_ever(chip, flash, rtc, "nothing to start")


def test_strict_mode_traps_bytes_in_iram(chip: Chip, tmp_path: Path) -> None:
    """The trap that the other tests rely on does trap."""
    # l8ui a2, a0, 0 with a0 = entry, as the boot code leaves it
    code = bytes([0x22, 0x00, 0x00]) + b"\0" * 13
    app = image.build_application(IROM, [(0x40100000, code), (0x3FFE8000, b"\0" * 16)])
    assert start(chip, tmp_path, app, strict=True) == qemu.STRICT


def test_require_signature(signer: Signer, chip: Chip, signed: bytes, tmp_path: Path) -> None:
    config = tmp_path / "config.h"
    config.write_text(signer.config.read_text() + "#define REQUIRE_SIGNATURE 1\n")
    demanding = qemu.build(tmp_path / "build", Signer(signer.key, signer.pem, config))
    for app in (chip.app(IROM), image.stamp(chip.app(IROM), "1.2.3", "nodemcu")):
        assert start(demanding, tmp_path, app) == SERVER
    assert start(demanding, tmp_path, signed) == APP


def test_mask_zero_always_calls_the_server(signer: Signer, signed: bytes, tmp_path: Path) -> None:
    config = tmp_path / "config.h"
    config.write_text(signer.config.read_text().replace("GPIO_MASK 0xf035", "GPIO_MASK 0"))
    always = qemu.build(tmp_path / "build", Signer(signer.key, signer.pem, config))
    assert start(always, tmp_path, signed) == SERVER
    assert start(always, tmp_path, signed, qemu.DEEP_SLEEP) == APP


def test_a_small_key_boots_too(small: Signer, tmp_path: Path) -> None:
    chip = qemu.build(tmp_path / "build", small)
    app = image.stamp(chip.app(IROM), "1.2.3", "nodemcu", small.key)
    assert start(chip, tmp_path, app) == APP
    assert start(chip, tmp_path, flip(app, len(app) - 1)) == SERVER


def test_an_update_on_the_emulated_chip(signer: Signer, tmp_path: Path) -> None:
    """Request, OTA server, new image, restart, new image runs: every byte of code the chip's."""
    chip = qemu.build(tmp_path / "build", signer, "qemu-server")
    flash = chip.flash(tmp_path / "flash", chip.app(b"old " * 40), "qemuserver.bin")
    new = image.stamp(chip.app(IROM), "2.0.0", "nodemcu", signer.key)
    stream = protocol.build(new, signer.key)
    datagrams = qemu.datagram_file(tmp_path / "datagrams", [*stream.data, *stream.end])
    rtc = rtc_file(tmp_path / "rtc", qemu.SOFT, b"yaotaota")
    run = power_on(chip, flash, rtc, datagrams=datagrams, strict=True)
    assert run.status == qemu.RESTART, run.said
    assert "dropped" not in run.said
    assert flash.read_bytes()[SLOT : SLOT + len(new)] == new
    assert power_on(chip, flash, rtc).status == APP
