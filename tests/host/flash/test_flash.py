"""`dormouse flash` and the unmodified esptool against an emulated chip on a pty."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
import serial

from contracts import bootloader_config, image
from contracts.errors import FlashSizeError, NotOtaBuildError, WrongBoardError, WrongKeyError
from host import boards, keys
from host.flash.errors import (
    BoardRefusedError,
    BootFailedError,
    FlashModeError,
    InterruptedFlashError,
    NoLoaderError,
    UnsignedError,
    WrongChipError,
)
from host.serial_port import NoPortError, PortBusyError
from tests.host.flash.conftest import dormouse, small_image
from tests.support.rom_chip import ESP32, Chip
from tests.support.rom_loader import Faults, blank

MAPS = [(1, "sonoff-basic"), (2, "esp-12"), (4, "d1-mini")]
PLAIN = image.build_application(b"x")
ESP8285 = (1 << 4, 0, 0, 0)
PROMPT = b"\nboot: reason 4, app 0\n\r\nMicroPython v1.28.0; ESP module with ESP8266\r\n>>> "
MIB = 1 << 20


@pytest.mark.parametrize(("mib", "board"), MAPS)
@pytest.mark.parametrize("stub", ["--stub", "--no-stub"])
def test_the_flash_is_exact_and_starts(kit, plugged_in, layout, mib, board, stub):
    size, map_name = mib * MIB, f"{mib}m.csv"
    chip = Chip(blank(size))
    line = plugged_in(chip, boots=lambda: PROMPT)
    said = kit.flash("--port", line.port, "--board", board, stub,
                     "--partitions", f"partitions/{map_name}")  # fmt: skip
    assert said.status == 0, said.output
    assert "MicroPython runs" in said.output
    assert chip.flash == kit.exact(boards.get(board), layout(map_name), size)
    assert ("CHANGE_BAUDRATE" in chip.commands) == (stub == "--stub")
    assert ("SPI_FLASH_MD5" in chip.commands) == (stub == "--stub")


def test_what_lies_in_the_filesystem_stays_but_for_erase_all(kit, plugged_in, layout):
    chip = Chip(blank(MIB))
    filesystem = slice(layout("1m.csv")["vfs"].offset, MIB)
    chip.flash[filesystem] = b"settings" * ((filesystem.stop - filesystem.start) // 8)
    line = plugged_in(chip)
    before = chip.flash[filesystem]
    arguments = ("--port", line.port, "--board", "nodemcu", "--watch", "0")
    assert kit.flash(*arguments).status == 0
    assert chip.flash[filesystem] == before
    assert kit.flash(*arguments, "--erase-all").status == 0
    assert chip.flash == kit.exact(boards.get("nodemcu"), layout("1m.csv"), MIB)


@pytest.mark.parametrize("seed", range(2))
def test_lost_bytes_do_not_reach_the_flash(kit, plugged_in, layout, seed):
    print("seed", seed)
    chip = Chip(blank(MIB))
    line = plugged_in(chip, Faults(seed, to_chip=0.1, to_host=0.02))
    said = kit.flash("--port", line.port, "--board", "nodemcu", "--watch", "0", "--json")
    assert said.status == 0, said.output
    events = [json.loads(one) for one in said.output.splitlines()]
    told = [one["event"] for one in events]
    assert (told[0], told[-1], told.count("connected")) == ("planned", "written", 1)
    shares = [one["share"] for one in events if one["event"] == "progress"]
    assert (max(shares), 2 <= len(shares) <= 60) == (1.0, True)
    assert line.lost > 0
    assert chip.flash == kit.exact(boards.get("nodemcu"), layout("1m.csv"), MIB)


def test_a_pulled_plug_is_told_and_the_next_run_repairs(kit, plugged_in, layout):
    chip = Chip(blank(MIB))
    line = plugged_in(chip, Faults(unplug_at=150_000))
    arguments = ("--board", "nodemcu", "--watch", "0", "--port")
    said = kit.flash(*arguments, line.port)
    assert said.status == InterruptedFlashError.exit_status, said.output
    assert "in the middle of app" in said.output
    assert "same command again" in said.output
    assert 0 < chip.written < 250_000

    again = Chip(chip.flash)
    assert kit.flash(*arguments, plugged_in(again).port).status == 0
    assert again.flash == kit.exact(boards.get("nodemcu"), layout("1m.csv"), MIB)
    assert min(start for start, _ in again.erased) > 0  # the bootloader was right already


@pytest.mark.parametrize(
    ("board", "extra", "error", "word"),
    [
        ("sonoff-basic", ["--mode", "dio"], FlashModeError, "dout"),
        ("nodemcu", ["--mode", "qio"], FlashModeError, "garbage"),
        ("esp-01", [], BoardRefusedError, "512 KiB"),
    ],
)
def test_what_the_board_cannot_is_refused_without_a_word_to_it(
    kit, plugged_in, board, extra, error, word
):
    chip = Chip(blank(MIB))
    line = plugged_in(chip)
    said = kit.flash("--port", line.port, "--board", board, *extra)
    assert (said.status, word in said.output) == (error.exit_status, True), said.output
    assert chip.commands == []


@pytest.mark.parametrize(
    ("chip", "board", "map_name", "error", "word"),
    [
        (Chip(blank(MIB // 2)), "nodemcu", "1m.csv", FlashSizeError, "512 KiB"),
        (Chip(blank(2 * MIB)), "nodemcu", "4m.csv", FlashSizeError, "2048 KiB"),
        (Chip(blank(MIB), magic=ESP32), "nodemcu", "1m.csv", WrongChipError, "ESP32"),
        (Chip(blank(MIB), efuses=ESP8285), "nodemcu", "1m.csv", FlashModeError, "ESP8285"),
        (Chip(blank(MIB), flash_id=0xFFFFFF), "nodemcu", "1m.csv", NoLoaderError, "wiring"),
        (Chip(blank(MIB), stub_runs=False), "nodemcu", "1m.csv", NoLoaderError, "--no-stub"),
    ],
)  # fmt: skip
def test_what_the_chip_cannot_is_refused_before_erasing(
    kit, plugged_in, chip, board, map_name, error, word
):
    line = plugged_in(chip)
    before = bytes(chip.flash)
    said = kit.flash(
        "--port", line.port, "--board", board, "--partitions", f"partitions/{map_name}"
    )
    assert (said.status, word in said.output) == (error.exit_status, True), said.output
    assert chip.erased == []
    assert chip.flash == before


def plain_build() -> bytes:
    words = b"".join((0x40210000 + 4 * n).to_bytes(4, "little") for n in range(400))
    return image.build_application(b"text" * 1000, ((0x40100000, words), (0x3FFE8000, b"\0" * 16)))


@pytest.mark.parametrize(
    ("content", "error", "word"),
    [
        (plain_build(), NotOtaBuildError, "Fatal exception (0)"),
        (small_image(b"boot" * 8), NotOtaBuildError, "bootloader"),
        (image.build_application(b"x" * 0x95000), FlashSizeError, "more than its slot"),
        (image.stamp(PLAIN, "1.0.0", "d1-mini"), WrongBoardError, "d1-mini"),
    ],
)  # fmt: skip
def test_images_that_would_not_run_are_refused(kit, tmp_path, content, error, word):
    file = tmp_path / "app.bin"
    file.write_bytes(content)
    said = dormouse("flash", str(file), "--bootloader", str(kit.bootloader), "--board", "nodemcu",
                    "--port", str(tmp_path / "no-port"), "--key", str(kit.key))  # fmt: skip
    assert (said.status, word in said.output) == (error.exit_status, True), said.output
    assert str(file) in said.output


def test_a_bootloader_with_another_key_is_refused(kit, tmp_path):
    keys.new(tmp_path / "other.pem", 512)
    said = dormouse("flash", str(kit.application), "--bootloader", str(kit.bootloader),
                    "--board", "nodemcu", "--key", str(tmp_path / "other.pem"))  # fmt: skip
    assert said.status == WrongKeyError.exit_status, said.output


def test_a_bootloader_that_starts_unsigned_ones_is_warned_of_in_one_line(kit, tmp_path):
    said = kit.flash("--board", "nodemcu", "--dry-run")
    (line,) = [line for line in said.output.splitlines() if "WARNING" in line]
    assert "starts any application that is whole, signed or not" in line
    insisting = tmp_path / "bootloader.bin"
    insisting.write_bytes(kit.bootloader.read_bytes() + bootloader_config.SIGNED_ONLY)
    kit = replace(kit, bootloader=insisting)
    said = kit.flash("--board", "nodemcu", "--dry-run")
    assert said.status == 0, said.output
    assert "WARNING" not in said.output
    unsigned = tmp_path / "app.bin"
    unsigned.write_bytes(PLAIN)
    said = replace(kit, application=unsigned).flash("--board", "nodemcu", "--dry-run")
    assert said.status == UnsignedError.exit_status, said.output
    assert "dormouse sign IMAGE" in said.output


def test_a_port_that_is_absent_or_taken_has_a_status_of_its_own(kit, plugged_in, tmp_path):
    said = kit.flash("--board", "nodemcu", "--port", str(tmp_path / "ttyUSB7"))
    assert (said.status, "no such port" in said.output) == (NoPortError.exit_status, True)
    chip = Chip(blank(MIB))
    line = plugged_in(chip)
    with serial.serial_for_url(line.port, exclusive=True):
        said = kit.flash("--board", "nodemcu", "--port", line.port)
    assert (said.status, "in use by" in said.output) == (PortBusyError.exit_status, True)
    assert chip.commands == []


def test_a_dry_run_says_what_it_would_do_and_opens_no_port(kit, tmp_path):
    said = kit.flash("--board", "sonoff-s20", "--dry-run", "--port", str(tmp_path / "no-port"))
    assert said.status == 0, said.output
    for words in ("mode dout", "0x000000..", "bootloader", "0x03c000..", "mains socket", "dry run"):
        assert words in said.output


def test_a_board_that_must_be_started_by_hand_says_how(kit, plugged_in):
    line = plugged_in(Chip(blank(MIB)), boots=lambda: PROMPT)
    said = kit.flash("--port", line.port, "--board", "sonoff-basic")
    assert "hold its button (GPIO0) while you connect" in said.output


def test_a_port_without_an_answer_says_what_to_press(kit, plugged_in):
    chip = Chip(blank(MIB), in_loader=False)
    line = plugged_in(chip)
    said = kit.flash("--port", line.port, "--board", "nodemcu")
    assert said.status == NoLoaderError.exit_status
    assert "FLASH button (GPIO0)" in said.output


@pytest.mark.parametrize(
    ("log", "word"),
    [
        (bytes(range(128, 256)) * 4, "wrong flash mode"),
        (b"\nboot: reason 4, app 0\nFatal exception 0(IllegalInstructionCause):\n", "no OTA build"),
        (b"\nFatal exception (28):\nepc1=0x", "crashes"),
        (b"\nboot: reason 4, app 0\n" * 4, "brown-out"),
        (b"\nboot: reason 4, app 4\n", "MD5 is wrong"),
        (b"\nboot: reason 3, app 0\n", "a pin changed"),
    ],
)
def test_known_failures_at_the_start_are_explained(kit, plugged_in, log, word):
    line = plugged_in(Chip(blank(MIB)), boots=lambda: log)
    said = kit.flash("--port", line.port, "--board", "nodemcu", "--watch", "1")
    assert (said.status, word in said.output) == (BootFailedError.exit_status, True), said.output


def test_a_silent_start_is_no_failure(kit, plugged_in):
    line = plugged_in(Chip(blank(MIB)), boots=lambda: b"")
    said = kit.flash("--port", line.port, "--board", "nodemcu", "--watch", "0.3")
    assert said.status == 0
    assert "says nothing" in said.output


def test_the_emulated_flash_is_one(kit, plugged_in):
    """Without an erase, writing only clears bits: what the emulator shows is not a plain copy."""
    chip = Chip(blank(MIB))
    chip.flash[0x3C000:0x3D000] = bytes(4096)
    chip._erase = lambda *_: None
    said = kit.flash("--port", plugged_in(chip).port, "--board", "nodemcu", "--watch", "0")
    assert said.status == 49, said.output
    digest = hashlib.md5(kit.application.read_bytes()).digest()
    assert hashlib.md5(chip.flash[0x3C000:][: kit.application.stat().st_size]).digest() != digest


def test_ctrl_c_in_the_middle_is_one_line_and_the_next_run_repairs(kit, plugged_in, layout):
    chip = Chip(blank(MIB))
    writing, pressed = threading.Event(), threading.Event()
    program = chip._program

    def watched(data: bytes) -> bytes:
        if chip.written > 120_000:
            writing.set()
            pressed.wait(60)
        return program(data)

    chip._program = watched
    line = plugged_in(chip)
    arguments = ("--board", "nodemcu", "--watch", "0", "--port", line.port)
    command = (sys.executable, "-m", "host", "flash", str(kit.application),
               "--bootloader", str(kit.bootloader), "--key", str(kit.key))  # fmt: skip
    with subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, text=True) as child:
        assert writing.wait(60)
        child.send_signal(signal.SIGINT)
        pressed.set()
        _, said = child.communicate(timeout=60)
    assert child.returncode == InterruptedFlashError.exit_status, said
    assert said.splitlines()[-1].startswith("dormouse: interrupted in the middle of app")
    assert kit.flash(*arguments).status == 0
    assert chip.flash == kit.exact(boards.get("nodemcu"), layout("1m.csv"), MIB)


# pyserial's network port, on Python 3.10 and newer.
@pytest.mark.filterwarnings("ignore:set:DeprecationWarning")
def test_rts_and_dtr_start_the_loader_and_then_the_application(kit, plugged_in, networked, layout):
    chip = Chip(blank(MIB), in_loader=False)
    network = networked(plugged_in(chip, boots=lambda: PROMPT))
    said = kit.flash("--port", network.url, "--board", "nodemcu")
    assert said.status == 0, said.output
    assert "MicroPython runs" in said.output
    assert network.lines.starts == ["loader", "application"]
    assert chip.flash == kit.exact(boards.get("nodemcu"), layout("1m.csv"), MIB)
