from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from contracts import flash_map as flashmap
from contracts.errors import FlashMapError
from host import flash_maps
from host.errors import FileReadError

TOP = Path(__file__).parents[2]
GOOD = """\
# a comment
boot, bootloader, primary, 0x0, 0x1000,
server, app, factory, 4K, 236K

app, app, ota_0, 0x3c000, 0x99000, encrypted # our slot
vfs, data, littlefs, 0xd5000, 0x2b000,
"""


@pytest.mark.parametrize(
    ("file", "size"),
    [
        ("partitions.csv", 1 << 20),
        ("partitions/1m.csv", 1 << 20),
        ("partitions/2m.csv", 2 << 20),
        ("partitions/4m.csv", 4 << 20),
    ],
)
def test_our_layouts_keep_yaota8266s_map(file: str, size: int) -> None:
    flash = flash_maps.read(TOP / file)
    assert flash.size == size
    assert (flash["boot"].offset, flash["boot"].size) == (0, 0x1000)
    assert (flash["otaserver"].offset, flash["otaserver"].end) == (0x1000, 0x3C000)
    assert flash.app.offset == 0x3C000
    assert flash.partitions[-1].end == size


def test_default_layout_is_the_smallest() -> None:
    assert flash_maps.read(TOP / "partitions.csv").partitions == tuple(
        flash_maps.read(TOP / "partitions/1m.csv")
    )


def test_columns_numbers_and_comments() -> None:
    flash = flashmap.parse(GOOD)
    assert [p.name for p in flash] == ["boot", "server", "app", "vfs"]
    assert (flash["server"].offset, flash["server"].size) == (4096, 236 * 1024)
    assert (flash.app.line, flash.app.flags) == (5, "encrypted")
    assert [p.name for p in flash.overlapping(0x3BFFF, 0x3C001)] == ["server", "app"]
    with pytest.raises(FlashMapError, match="no partition 'nvs'"):
        flash["nvs"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("app2, app, ota_1, 0x3b000, 0x2000,", "overlaps app"),
        ("app2, app, ota_1, 0x3c000, 0x99000,", "overlaps app"),
        ("app2, app, ota_1, 0xd4000, 0x2000,", "overlaps app"),
        ("more, data, raw, 0x20800, 0x1000,", "not a multiple of 4 KiB"),
        ("more, data, raw, 0x20000, 0x1001,", "not a multiple of 4 KiB"),
        ("more, data, raw, 0x20000, 0,", "its size is 0"),
        ("more, data, raw, 0x100000, 16M,", "too large: the flash ends at"),
        ("more, data, raw, 0xd5000, 0x2c000,", "no flash part's size"),
        ("more, app, ota_1, 0xf0000, 0x20000,", "one aligned MiB"),
        ("more, bootloader, primary, 0x1000, 0x1000,", "sector at 0x0"),
        ("app, data, raw, 0xd5000, 0x1000,", "named already in line 2"),
        ("more, data, raw, 0xd5000", "columns"),
        ("more, data, raw, here, 0x1000,", "offset 'here' is not a number"),
        ("more, data, raw, 0xd5000, 1G,", "size '1G' is not a number"),
        ("MORE!, data, raw, 0xd5000, 4K,", "name 'MORE!'"),
    ],
)
def test_a_bad_entry_is_refused_with_its_line(line: str, says: str, tmp_path: Path) -> None:
    text = f"# a map\napp, app, ota_0, 0x3c000, 0x99000,\n{line}\n"
    with pytest.raises(FlashMapError, match=says) as caught:
        flashmap.parse(text)
    assert caught.value.line == 3
    file = tmp_path / "map.csv"
    file.write_text(text)
    with pytest.raises(FlashMapError) as caught:
        flash_maps.read(file)
    assert str(caught.value).startswith(f"{file}:3: ")
    assert "\n" not in str(caught.value)


def test_an_entry_beyond_the_given_flash_is_refused() -> None:
    assert flashmap.parse(GOOD, flash_size=2 << 20).size == 2 << 20
    with pytest.raises(FlashMapError, match="ends at 0x80000") as caught:
        flashmap.parse(GOOD, flash_size=512 << 10)
    assert caught.value.line == 6


def test_a_table_without_entries_or_slot() -> None:
    with pytest.raises(FlashMapError, match="no entries"):
        flashmap.parse("# nothing\n")
    with pytest.raises(FlashMapError, match="no slot for updates"):
        _ = flashmap.parse("all, data, raw, 0, 1M,").app
    with pytest.raises(FileReadError):
        flash_maps.read(Path("/nowhere/partitions.csv"))


def test_header_and_module_say_the_same(tmp_path: Path) -> None:
    flash = flashmap.parse(GOOD)
    source = tmp_path / "map.c"
    program = tmp_path / "map"
    (tmp_path / "flashmap.h").write_text(flashmap.header(flash))
    source.write_text(
        '#include "flashmap.h"\n#include <stdio.h>\nint main(void) {\n'
        'printf("%u %u %u %u", FLASH_SIZE, FLASH_APP_OFFSET, FLASH_APP_SIZE, FLASH_VFS_OFFSET);'
        "return 0; }\n"
    )
    subprocess.run(["gcc", "-Wall", "-Werror", "-o", program, source], check=True, timeout=60)
    printed = subprocess.run([program], capture_output=True, text=True, check=True, timeout=60)
    names: dict[str, object] = {"const": lambda value: value}
    exec(flashmap.module(flash).replace("from micropython import const", ""), names)
    expected = [names[n] for n in ("SIZE", "APP_OFFSET", "APP_SIZE", "VFS_OFFSET")]
    assert [int(word) for word in printed.stdout.split()] == expected
    assert expected == [1 << 20, 0x3C000, 0x99000, 0xD5000]


def test_the_module_command() -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "host.flash_maps", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=TOP, timeout=60, check=False
        )

    assert "#define FLASH_APP_OFFSET 0x3c000u" in run("header").stdout
    assert "APP_OFFSET = const(0x3c000)" in run("module", "partitions/4m.csv").stdout
    assert run("picture").returncode == 2
    missing = run("header", "none.csv")
    assert (missing.returncode, missing.stderr.count("\n")) == (10, 1)
