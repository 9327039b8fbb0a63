"""The power goes at every flash operation of an update, in the middle of it: what is there then
is the OTA server or a whole image, and the same update sent again succeeds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from contracts import image
from contracts.ota import protocol
from tests.bootloader import qemu
from tests.bootloader.conftest import Signer
from tests.bootloader.server import CUT, SLOT, Server, decide
from tests.support import seeds
from tests.support.bootloader import NativeBootloader

OLD_IROM = b"old " * 500
NEW_IROM = b"new " * 520


@pytest.fixture(scope="session")
def chip(tmp_path_factory: pytest.TempPathFactory, small: Signer) -> qemu.Chip:
    return qemu.build(tmp_path_factory.mktemp("chip"), small, "qemu-server")


def application(chip: qemu.Chip, irom: bytes) -> bytes:
    """The test application with ballast in its data, so that no sector of two is the same."""
    segments, entry = qemu.ram_segments(chip.part("testapp.bin"))
    ballast = (0x3FFEA000, (irom * 13)[:25_600])
    return image.build_application(irom, [*segments, ballast], entry=entry)


def versions(chip: qemu.Chip, signer: Signer) -> tuple[bytes, bytes]:
    """The application that runs and the one that is sent, both signed."""
    return (
        image.stamp(application(chip, OLD_IROM), "1.0.0", "nodemcu", signer.key),
        image.stamp(application(chip, NEW_IROM), "2.0.0", "nodemcu", signer.key),
    )


def reseeded() -> random.Random:
    seed = seeds.seed()
    return random.Random(seed)


def test_every_cut_of_a_streamed_update(
    native_bootloader: NativeBootloader, chip: qemu.Chip, small: Signer, tmp_path: Path
) -> None:
    old, new = versions(chip, small)
    stream = protocol.build(new, small.key)
    on_chip = set(reseeded().sample(range(1, 170), 15))
    config = ("--config", small.config)
    flash, rtc = tmp_path / "flash", tmp_path / "rtc"
    starts = []
    for cut in range(1, 10_000):
        chip.flash(flash, old)
        with Server(native_bootloader.otaserver, flash, *config, "--cut", str(cut)) as server:
            status = server.update(stream)
        decision = decide(native_bootloader.bootdecide, flash, tmp_path / "none", *config)
        slot = flash.read_bytes()[SLOT:]
        if decision["start"] == "app":
            assert slot.startswith((old, new)), f"cut {cut}: a broken image would start"
        if cut in on_chip:
            booted = qemu.power_on(chip, flash, qemu.rtc_file(rtc, qemu.POWER_ON))
            assert booted.status == (qemu.APP if decision["start"] == "app" else qemu.SERVER)
        starts.append(decision["start"])
        if status != CUT:
            break
        with Server(native_bootloader.otaserver, flash, *config) as server:
            assert server.update(stream) == 0, f"cut {cut}: the repeated update"
        decision = decide(native_bootloader.bootdecide, flash, tmp_path / "none", *config)
        assert (decision["app"], decision["version"]) == ("signed", "2.0.0"), f"cut {cut}"
        assert flash.read_bytes()[SLOT:].startswith(new)
    # 10 sectors, each an erase and 16 pages; then the run that was not cut any more.
    assert len(starts) == 10 * 17 + 1
    assert starts.count("app") < len(starts) / 4  # the cuts did tear something


def test_cuts_on_the_emulated_chip(chip: qemu.Chip, small: Signer, tmp_path: Path) -> None:
    """The same with the chip's own code doing the update; some of the cuts."""
    old, new = versions(chip, small)
    stream = protocol.build(new, small.key)
    datagrams = qemu.datagram_file(tmp_path / "datagrams", [*stream.data, *stream.end])
    flash, rtc = tmp_path / "flash", tmp_path / "rtc"
    for cut in reseeded().sample(range(1, 171), 12):
        chip.flash(flash, old, "qemuserver.bin")
        qemu.rtc_file(rtc, qemu.SOFT, b"yaotaota")
        run = qemu.power_on(chip, flash, rtc, cut=cut, datagrams=datagrams)
        assert run.status == CUT, run.said
        # Power is back: RTC memory is lost. A torn image leads to the OTA server by itself.
        qemu.rtc_file(rtc, qemu.POWER_ON)
        run = qemu.power_on(chip, flash, rtc, datagrams=datagrams)
        assert run.status in {qemu.RESTART, qemu.APP}, f"cut {cut}: {run.said}"
        if run.status == qemu.RESTART:
            run = qemu.power_on(chip, flash, rtc)
            assert run.status == qemu.APP
            assert flash.read_bytes()[SLOT:].startswith(new)
        else:
            assert flash.read_bytes()[SLOT:].startswith((old, new))


def test_a_cut_while_a_torn_image_is_mended(
    native_bootloader: NativeBootloader, chip: qemu.Chip, small: Signer, tmp_path: Path
) -> None:
    """One cut after the other, and a session that is never finished, at seeded places."""
    old, new = versions(chip, small)
    stream = protocol.build(new, small.key)
    config = ("--config", small.config)
    flash = chip.flash(tmp_path / "flash", old)
    chosen = reseeded()
    for _ in range(12):
        cut = chosen.randrange(1, 171)
        with Server(native_bootloader.otaserver, flash, *config, "--cut", str(cut)) as server:
            assert server.update(stream) == CUT
        with Server(native_bootloader.otaserver, flash, *config) as server:
            assert server.take(stream.data[: chosen.randrange(1, len(stream.data))])
        decision = decide(native_bootloader.bootdecide, flash, tmp_path / "none", *config)
        if decision["start"] == "app":
            assert flash.read_bytes()[SLOT:].startswith((old, new))
    with Server(native_bootloader.otaserver, flash, *config) as server:
        assert server.update(stream) == 0
    decision = decide(native_bootloader.bootdecide, flash, tmp_path / "none", *config)
    assert decision["version"] == "2.0.0"
