"""What was confirmed once bars images with a lower security counter, recorded ones too."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from contracts import image
from contracts.image import COUNTER_SIZE
from contracts.ota import protocol
from contracts.versions import Version
from tests.bootloader import qemu
from tests.bootloader.conftest import Signer
from tests.bootloader.server import SLOT, Server, blank_flash, decide
from tests.support import seeds
from tests.support.bootloader import NativeBootloader

AT = SLOT - COUNTER_SIZE
ONE, TWO = Version(1, 0, 0).number, Version(2, 0, 0).number


def entry(counter: int) -> bytes:
    """A value and its complement, as docs/images.md has them."""
    return struct.pack("<II", counter, ~counter & 0xFFFFFFFF)


def holding(flash: Path, *entries: bytes, at: int = 0) -> None:
    """Put entries in the counter's place."""
    with flash.open("r+b") as part:
        part.seek(AT + at)
        part.write(b"".join(entries))


@pytest.fixture
def app(native_bootloader: NativeBootloader, tmp_path: Path, small: Signer):
    """What the bootloader says of an application beside entries of the counter."""

    def say(application: bytes, *entries: bytes, at: int = 0) -> object:
        flash = blank_flash(tmp_path / "flash", application)
        holding(flash, *entries, at=at)
        settings = ("--config", small.config)
        return decide(native_bootloader.bootdecide, flash, tmp_path / "none", *settings)["app"]

    return say


def test_a_recorded_older_update_does_not_start(
    native_bootloader: NativeBootloader, tmp_path: Path, plain: bytes, small: Signer
) -> None:
    def stream(version: str) -> protocol.SignedStream:
        return protocol.build(image.stamp(plain, version, "nodemcu", small.key), small.key)

    flash, settings = blank_flash(tmp_path / "flash"), ("--config", small.config)

    def updated(version: str) -> tuple[object, object]:
        with Server(native_bootloader.otaserver, flash, *settings) as server:
            assert server.update(stream(version)) == 0
        decision = decide(native_bootloader.bootdecide, flash, tmp_path / "none", *settings)
        return decision["start"], decision["app"]

    assert updated("2.0.0") == ("app", "signed")
    # Until it is confirmed the one before it may come back.
    assert updated("1.0.0") == ("app", "signed")
    assert updated("2.0.0") == ("app", "signed")
    holding(flash, entry(TWO))
    counters = flash.read_bytes()[AT:SLOT]
    assert updated("1.0.0") == ("server", "rolled-back")
    assert updated("1.255.65535") == ("server", "rolled-back")
    assert updated("2.0.0") == ("app", "signed")
    assert updated("2.0.1") == ("app", "signed")
    assert flash.read_bytes()[AT:SLOT] == counters


def test_an_image_without_a_counter_has_none(app, plain: bytes, small: Signer) -> None:
    """Unsigned ones, those signed with 0, and those from before there was one, of long boards."""
    without = image.stamp(plain, "9.0.0", "nodemcu", small.key, counter=0)
    head = bytearray(image.stamp(plain, "9.0.0", "x" * 27, small.key)[: -small.key.bits // 8])
    head[-32:] = b"x" * 32
    long = bytes(head) + small.key.sign_sha256(bytes(head[4:]))
    good = {plain: "hashed", image.stamp(plain, "9.0.0", "nodemcu"): "hashed"}
    for application in (plain, image.stamp(plain, "9.0.0", "nodemcu"), without, long):
        assert app(application) == good.get(application, "signed")
        assert app(application, entry(1)) == "rolled-back"
    assert image.application(long).trailer.board == "x" * 32
    assert image.application(long).trailer.counter == 0


def test_the_highest_entry_counts_wherever_it_is(app, plain: bytes, small: Signer) -> None:
    signed = image.stamp(plain, "2.0.0", "nodemcu", small.key)
    assert app(signed, entry(ONE), entry(TWO + 1), entry(TWO)) == "rolled-back"
    assert app(signed, entry(TWO + 1), at=COUNTER_SIZE - 8) == "rolled-back"
    assert app(signed, entry(TWO), at=COUNTER_SIZE - 8) == "signed"
    assert app(signed, entry(TWO + 1), at=-8) == "signed"  # the OTA server's
    assert app(signed, *[entry(TWO)] * (COUNTER_SIZE // 8)) == "signed"
    assert app(signed, entry(0xFFFFFFFF)) == "rolled-back"
    last = image.stamp(plain, "2.0.0", "nodemcu", small.key, counter=0xFFFFFFFF)
    assert app(last, entry(0xFFFFFFFF)) == "signed"


def test_an_entry_that_power_has_torn_does_not_count(app, plain: bytes, small: Signer) -> None:
    """Whichever of its bits were cleared before: nothing between the old value and the new."""
    seed = seeds.seed()
    rng = random.Random(seed)
    signed = image.stamp(plain, "2.0.0", "nodemcu", small.key)
    whole = entry(TWO + 0x10305)
    prefixes = [whole[:n] + b"\xff" * (8 - n) for n in range(8)]
    kept = [bytes(byte | rng.getrandbits(8) for byte in whole) for _ in range(60)]
    for torn in {*prefixes, *kept} - {whole}:
        assert app(signed, entry(TWO), torn) == "signed", torn.hex()
    assert app(signed, entry(TWO), whole) == "rolled-back"


@pytest.fixture(scope="module")
def chip(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> qemu.Chip:
    return qemu.build(tmp_path_factory.mktemp("chip"), signer)


@pytest.mark.parametrize("strict", [False, True])
def test_the_chips_own_code_decides_so_too(
    chip: qemu.Chip, signer: Signer, tmp_path: Path, strict: bool
) -> None:
    irom = b"counted " * 100
    signed = image.stamp(chip.app(irom), "2.0.0", "nodemcu", signer.key)

    def status(application: bytes, *entries: bytes) -> int:
        flash = chip.flash(tmp_path / "flash", application)
        holding(flash, *entries)
        rtc = qemu.rtc_file(tmp_path / "rtc", qemu.POWER_ON)
        return qemu.power_on(chip, flash, rtc, strict=strict).status

    assert status(signed) == qemu.APP
    assert status(signed, entry(ONE), entry(TWO)) == qemu.APP
    assert status(signed, entry(TWO), entry(TWO + 1)[:5]) == qemu.APP
    assert status(signed, entry(TWO), entry(TWO + 1)) == qemu.SERVER
    assert status(chip.app(irom)) == qemu.APP
    assert status(chip.app(irom), entry(1)) == qemu.SERVER
