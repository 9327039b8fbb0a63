"""What is refused of a linked file, from files that the chip's own linker made."""

from __future__ import annotations

import contextlib
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from host import flash_maps
from host.linked import elf
from host.linked.checks import Program, faults, rooms
from host.linked.errors import NotLinkedError, WrongMachineError
from tests.host.flash.conftest import dormouse
from tests.support.linked_app import BOARD, TOP, link_app

MAP = flash_maps.read(TOP / "partitions/1m.csv")
SCRIPT = (BOARD / "app_1m.ld").read_text()
WITHOUT_ASSERT = re.sub(r"ASSERT\(.*\)\n", "", SCRIPT)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link_app(tmp_path_factory.mktemp("good"))


def found(path: Path, program: Program = Program.APPLICATION) -> list[str]:
    return faults(elf.read(path.read_bytes()), program, MAP)


def test_a_good_one_passes_and_says_its_room(good):
    assert found(good) == []
    irom, iram, dram = rooms(elf.read(good.read_bytes()), Program.APPLICATION, MAP)
    assert (irom.limit, iram.limit, dram.limit) == (0x8F000, 0x8000, 0x14000)
    assert 38 << 10 < dram.used < 40 << 10
    said = dormouse("image", "info", str(good)).output
    for words in ("linked file of the application", f"irom:        {irom}", "heap:        38912"):
        assert words in said


@pytest.mark.parametrize("layout", ["1m", "2m", "4m"])
def test_every_layout_links_with_the_sdks_vectors(layout, tmp_path):
    path = link_app(tmp_path, script=(BOARD / f"app_{layout}.ld").read_text())
    flash_map = flash_maps.read(TOP / f"partitions/{layout}.csv")
    assert faults(elf.read(path.read_bytes()), Program.APPLICATION, flash_map) == []


def test_the_roms_vectors_are_refused(tmp_path):
    """What newer linkers make of the port's own script, in which nobody asks for libmain first."""
    script = WITHOUT_ASSERT.replace("INPUT(-lmain)", "")
    (fault,) = found(link_app(tmp_path, script=script))
    assert "_DebugExceptionVector is the ROM's, at 0x40000010" in fault


def test_a_link_without_vectors_fails_by_itself(tmp_path):
    with pytest.raises(AssertionError, match="exception vectors are not at the start of IRAM"):
        link_app(tmp_path, script=SCRIPT.replace("INPUT(-lmain)", ""))


def test_another_slot_is_refused(tmp_path, good):
    script = SCRIPT.replace("0x40245000", "0x40209000")
    (fault,) = found(link_app(tmp_path, script=script))
    assert "begins at 0x40209000, not at 0x40245000" in fault
    assert "begins at 0x40245000, not at 0x40209000" in found(good, Program.OTA_SERVER)[0]


def test_words_and_names_of_another_slot_are_refused(tmp_path):
    table = "extern const char there; const void *volatile const table[64] = {[0 ... 63] = &there};"
    program = tmp_path / "words"
    program.mkdir()
    script = SCRIPT + "\nthere = 0x40210000;\n"
    (fault,) = found(link_app(program, "-include", str(_file(program, table)), script=script))
    assert fault == "there lies at 0x40210000, in another slot's flash"
    numbers = "const unsigned table[64] = {[0 ... 63] = 0x40210000};"
    (fault,) = found(link_app(program, "-include", str(_file(program, numbers))))
    assert fault == "64 words point into another slot's flash"


def _file(folder: Path, text: str) -> Path:
    path = folder / "more.h"
    path.write_text(text)
    return path


def test_what_does_not_fit_is_refused(tmp_path):
    huge = SCRIPT.replace("LENGTH = 0x8f000", "LENGTH = 0xb0000")
    (fault,) = found(link_app(tmp_path, f"-DBALLAST={0x8F000}", script=huge))
    assert fault.startswith("irom: ")
    assert "do not fit in 585728" in fault
    large = link_app(tmp_path, "-include", str(_file(tmp_path, "static char more[30 << 10];"
        "void *more_at(void) { return more; }")))  # fmt: skip
    (fault,) = found(large)
    assert "the SDK's heap needs 12288" in fault


def test_other_files_are_one_line(good, tmp_path):
    with pytest.raises(NotLinkedError, match="an object file"):
        elf.read((good.parent / "app.o").read_bytes())
    stripped = tmp_path / "stripped.elf"
    command = ["xtensa-lx106-elf-strip", "-o", stripped, good]
    subprocess.run(command, check=True, timeout=20)
    with pytest.raises(NotLinkedError, match="stripped"):
        elf.read(stripped.read_bytes())
    with pytest.raises(WrongMachineError, match=r"EM_X86_64|EM_AARCH64"):
        elf.read(Path(sys.executable).resolve().read_bytes())
    said = dormouse("image", "info", sys.executable)
    assert said.status == WrongMachineError.exit_status


def test_damaged_files_are_named_so_and_nothing_else_is_raised(good):
    whole = good.read_bytes()
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 20)):
            # Headers lie at both ends.
            at = chance.choice((chance.randrange(0x40), -1 - chance.randrange(2000)))
            damaged[at] = chance.randrange(256)
        del damaged[chance.choice((len(whole), chance.randrange(len(whole)))) :]
        with contextlib.suppress(NotLinkedError, WrongMachineError):
            faults(elf.read(bytes(damaged)), Program.APPLICATION, MAP)
