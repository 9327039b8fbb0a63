"""Images to flash, and `dormouse flash` as a call."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts import image
from contracts.flash_map import FlashMap
from host import keys
from host.boards import Board
from host.cli import root
from host.flash_maps import read
from tests.support.rom_chip import checksum
from tests.support.rom_loader import blank

ROOT = Path(__file__).parents[3]
MODES = ("qio", "qout", "dio", "dout")
SIZES = {1 << 20: 0x20, 2 << 20: 0x30, 4 << 20: 0x40}


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    status: int
    output: str


@dataclass(frozen=True)
class Kit:
    """A key, and a bootloader and an application that carry it."""

    key: Path
    bootloader: Path
    application: Path

    def flash(self, *arguments: str) -> Said:
        """`dormouse flash` with these files."""
        return dormouse(
            *("flash", str(self.application), "--bootloader", str(self.bootloader)),
            *("--key", str(self.key), *arguments),
        )

    def exact(self, board: Board, flash_map: FlashMap, size: int, mode: str = "") -> bytearray:
        """The flash of such a board afterwards, to the byte."""
        flash = blank(size)
        low, app_ = bytearray(self.bootloader.read_bytes()), self.application.read_bytes()
        # The board's own: esptool puts them into the image at 0x0.
        low[2:4] = MODES.index(mode or board.flash_mode), SIZES[flash_map.size]
        flash[: len(low)] = low
        flash[flash_map.app.offset : flash_map.app.offset + len(app_)] = app_
        return flash


def dormouse(*arguments: str) -> Said:
    """The command line, in this process."""
    result = CliRunner().invoke(root(arguments[0]), arguments)
    error = result.exception
    if error is None or isinstance(error, SystemExit):
        return Said(result.exit_code, result.output)
    if not hasattr(error, "exit_status"):
        raise error
    assert "\n" not in str(error)  # one line
    return Said(error.exit_status, f"{result.output}{error}")


def small_image(data: bytes) -> bytes:
    """An image of two segments, as our bootloader is one."""
    head = struct.pack("<BBBBI", 0xE9, 2, 2, 0, 0x40100000)
    for address, content in ((0x40100000, data), (0x3FFF8000, b"text")):
        head += struct.pack("<II", address, len(content)) + content
    return head + b"\0" * (15 - len(head) % 16) + bytes([checksum(data + b"text")])


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    folder = tmp_path_factory.mktemp("kit")
    key = keys.new(folder / "ota.pem", 512)
    chance = random.Random(8)
    boot = small_image(b"code".ljust(1000, b".") + key.modulus).ljust(4096, b"\xff")
    server = image.build_application(chance.randbytes(50_001))
    (folder / "bootloader.bin").write_bytes(boot + server)
    application = image.build_application(chance.randbytes(150_003))
    (folder / "app.bin").write_bytes(image.stamp(application, "1.2.3", "", key))
    return Kit(folder / "ota.pem", folder / "bootloader.bin", folder / "app.bin")


@pytest.fixture
def layout() -> Callable[[str], FlashMap]:
    return lambda name: read(ROOT / "partitions" / name)
