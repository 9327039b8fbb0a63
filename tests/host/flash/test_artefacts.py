"""What `dormouse firmware build` makes: reproducible, MicroPython's own format, and it mounts."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import NotAnImageError, VersionError
from host import artefacts, flash_maps, image_cli, romfs
from host.errors import UnknownBoardError
from host.firmware import SOURCE
from tests.host.flash.conftest import ROOT, dormouse
from tests.support.unix_port import run_program

BOARD = SOURCE / "boards" / "DORMOUSE"
LAYOUTS = ("1m", "2m", "4m")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> artefacts.Artefacts:
    return artefacts.build(tmp_path_factory.mktemp("built"), "1.2.3", "nodemcu")


def test_another_folder_at_another_time_gives_the_same_bytes(built, tmp_path):
    source = tmp_path / "moved" / "firmware"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
    for path in source.rglob("*"):
        os.utime(path, (1e9, 1e9))
    again = artefacts.build(tmp_path / "elsewhere", "1.2.3", "nodemcu", source)
    assert again.romfs.read_bytes() == built.romfs.read_bytes()
    assert contents(again.modules) == contents(built.modules)
    assert contents(again.frozen) == contents(built.frozen)
    assert contents(built.modules)[artefacts.STAMP] == b'{"board": "nodemcu", "version": "1.2.3"}\n'

    other = artefacts.build(tmp_path / "elsewhere", "1.2.4", "nodemcu", source)
    assert other.romfs.read_bytes() != built.romfs.read_bytes()


def test_its_bytes_are_those_of_micropythons_own_tool(built, tmp_path):
    theirs = tmp_path / "theirs.romfs"
    command = (sys.executable, "-m", "mpremote", "romfs", "--no-mpy", "-o", str(theirs), "build")
    subprocess.run([*command, str(built.modules)], check=True, capture_output=True, timeout=60)
    assert built.romfs.read_bytes() == theirs.read_bytes()


def test_it_mounts_and_its_modules_are_imported_from_it(built, tmp_path):
    program = f"""
import sys, vfs
with open({str(built.romfs)!r}, "rb") as file:
    vfs.mount(vfs.VfsRom(file.read()), "/rom")
sys.path[:] = ["/rom"]
import dormouse.version, dormouse.packets
print(dormouse.version.VERSION, dormouse.version.BOARD, dormouse.packets.__file__)
"""
    said = run_program(program, cwd=tmp_path).split()
    assert said == ["1.2.3", "nodemcu", "/rom/dormouse/packets.mpy"]


def test_what_was_put_in_is_read_back(built):
    assert romfs.read(built.romfs.read_bytes()) == contents(built.modules)
    assert romfs.read(built.romfs.read_bytes() + b"\xff" * 4096) == contents(built.modules)


def test_cut_and_damaged_images_are_named_so(built):
    whole = built.romfs.read_bytes()
    for length in range(0, len(whole), 97):
        with pytest.raises(NotAnImageError):
            romfs.read(whole[:length])
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    for _ in range(500):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        with contextlib.suppress(NotAnImageError):  # and nothing else is raised
            romfs.read(bytes(damaged))


def test_image_info_says_what_it_is(built):
    said = dormouse("image", "info", str(built.romfs)).output
    for words in ("ROMFS", "not an OTA build", "1.2.3", "nodemcu", "FLASH_2M_ROMFS", "md5"):
        assert words in said
    large = romfs.MAGIC + b"\x95\x80\x00" + bytes(21 << 14)
    facts = dict(image_cli.describe(large, flash_maps.read(ROOT / "partitions.csv"), None))
    assert "TOO LARGE" in facts["overwrites"]
    assert "no stamp" in facts["version"]


def test_versions_and_boards_must_be_known(tmp_path):
    with pytest.raises(VersionError):
        artefacts.build(tmp_path, "one")
    with pytest.raises(UnknownBoardError):
        artefacts.build(tmp_path, "1.2.3", "esp99")
    assert list(tmp_path.iterdir()) == []


def test_the_frozen_tree_is_stamped_and_complete(built):
    frozen = contents(built.frozen)
    stamped: dict[str, object] = {}
    exec(frozen["dormouse/version.py"], stamped)
    assert (stamped["VERSION"], stamped["BOARD"]) == ("1.2.3", "nodemcu")
    # Of NodeMCU: I2C and 1-Wire where people wire them, and its divider of 220k over 100k.
    assert (stamped["I2C"], stamped["BATTERY_MV"]) == ((5, 4), 3200)
    assert "boards/DORMOUSE/mpconfigboard.mk" in frozen
    assert frozen["boards/DORMOUSE/layout.mk"] == b"LAYOUT = 1m\n"
    assert b"dormouse flash map 1024 KiB: " in frozen["boards/DORMOUSE/flash_map.py"]
    named: list[str] = []
    exec(  # the manifest's language is Python with these names
        frozen["manifest.py"],
        {
            "freeze": lambda *_: None,
            "require": lambda *_: None,
            "module": lambda name, base_path=".", **_: named.append(f"{base_path}/{name}"),
            "package": lambda name, **_: named.append(f"{name}/__init__.py"),
        },
    )
    assert {"./main.py", "./ota.py", "dormouse/__init__.py"} < set(named)
    assert all((built.frozen / name).is_file() for name in named)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_linker_scripts_agree_with_the_flash_map(layout):
    slot = flash_maps.read(ROOT / "partitions" / f"{layout}.csv").app
    text = (BOARD / f"app_{layout}.ld").read_text()
    found = re.search(r"irom0_0_seg\s*: ORIGIN = (\w+), LENGTH = (\w+)", text)
    start, length = (int(number, 16) for number in found.groups())
    assert start == 0x40200000 + slot.offset + 0x9000
    assert start - 0x40200000 + length == slot.end - 0x1000
    assert start - 0x40200000 + length <= 1 << 20  # what the chip maps
    assert 0x9000 + length <= 800_000  # what the bootloader takes


_FLASH = """
import sys, vfs
class Flash:
    touched = []
    data = bytearray(b"\\xff" * {size})
    def flash_size(self): return {size}
    def flash_read(self, at, buf): buf[:] = self.data[at : at + len(buf)]
    def flash_erase(self, sector):
        self.touched.append(sector * 4096)
        self.data[sector * 4096 : sector * 4096 + 4096] = b"\\xff" * 4096
    def flash_write(self, at, buf):
        self.touched.append(at)
        for i, value in enumerate(buf): self.data[at + i] &= value
flash = Flash()
sys.modules["esp"] = flash
sys.path.append({folder!r})
from flashbdev import bdev
vfs.VfsLfs2.mkfs(bdev)
vfs.mount(vfs.VfsLfs2(bdev), "/fs")
try:
    for n in range(100):
        with open("/fs/%d" % n, "w") as file: file.write("x" * 3000)
except OSError: pass
assert n > 20
vfs.umount("/fs")
vfs.mount(vfs.VfsLfs2(bdev), "/fs")
assert open("/fs/19").read() == "x" * 3000
for block in (-1, bdev.ioctl(4, 0)):
    try: bdev.writeblocks(block, bytearray(4096))
    except OSError: pass
    else: raise AssertionError(block)
print(min(flash.touched), max(flash.touched), bdev.ioctl(4, 0) * bdev.ioctl(5, 0))
"""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_filesystem_stays_in_its_partition(layout, tmp_path):
    flash_map = flash_maps.read(ROOT / "partitions" / f"{layout}.csv")
    place = flash_map["vfs"]
    program = _FLASH.format(size=flash_map.size, folder=str(BOARD))
    first, last, size = map(int, run_program(program, cwd=tmp_path).split())
    assert size == place.size
    assert place.offset <= first <= last < place.end


def test_a_flash_of_another_size_has_no_filesystem(tmp_path):
    program = _FLASH.format(size=1 << 19, folder=str(BOARD)).partition("vfs.VfsLfs2.mkfs")[0]
    assert run_program(program + "\nprint(bdev)", cwd=tmp_path).strip() == "None"
