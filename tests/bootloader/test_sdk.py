"""The OTA server linked with an SDK: our stand-in's folder, and real ones where they are named.

ESP8266_SDK=<folder>[:<folder>...] names Espressif's folders or sysroots of an esp-open-sdk.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from contracts import image, map_marker
from contracts.ota import protocol
from host import flash_maps
from host.linked import elf
from host.linked.checks import VECTORS, Program, faults, rooms
from tests.bootloader import qemu
from tests.bootloader.conftest import Signer
from tests.bootloader.server import SLOT
from tests.support.bootloader import TOP, make, try_make

LAYOUTS = ("1m", "2m", "4m")
REAL = [folder for folder in os.environ.get("ESP8266_SDK", "").split(":") if folder]
# eagle.rom.addr.v6.ld has the ROM's own vectors under the same names.
ROM_VECTORS = "".join(f"PROVIDE({n} = {0x40000000 + at:#x});\n" for n, at in VECTORS.items())


@pytest.fixture
def sdk(tmp_path: Path, signer: Signer) -> Path:
    """A folder as Espressif's SDK has it, with our fake SDK in libmain.a."""
    config = f"CONFIG={signer.config}"
    built = make("qemu-server", config, folder=tmp_path / "parts", source=qemu.EMULATOR)
    folder = tmp_path / "sdk"
    (folder / "lib").mkdir(parents=True)
    (folder / "ld").mkdir()
    for name in ("main", "net80211", "wpa", "crypto", "lwip", "pp", "phy", "gcc"):
        members = [built / f"emulator/{one}.o" for one in ("sdk", "vectors")]
        archive(folder / "lib" / f"lib{name}.a", *(members if name == "main" else ()))
    roms = [TOP / "bootloader/ports/sdk/rom.ld", qemu.EMULATOR / "sdk/rom.ld"]
    text = ROM_VECTORS + "".join(rom.read_text() for rom in roms)
    (folder / "ld/eagle.rom.addr.v6.ld").write_text(text)
    return folder


def archive(path: Path, *members: Path) -> None:
    subprocess.run(["xtensa-lx106-elf-ar", "rc", path, *members], check=True, timeout=20)


def link(
    signer: Signer, sdk: Path, folder: Path, layout: str = "1m"
) -> subprocess.CompletedProcess[str]:
    return try_make(
        *("all", f"CONFIG={signer.config}", f"SDK={sdk}"),
        f"LAYOUT={TOP}/partitions/{layout}.csv",
        folder=folder,
    )


def test_with_an_sdk_both_parts_are_one_image_that_runs(
    signer: Signer, sdk: Path, tmp_path: Path
) -> None:
    chip = qemu.build(tmp_path / "build", signer, "all", f"SDK={sdk}")
    whole = chip.part("bootloader.bin")
    assert len(whole) % 0x1000 == 0
    assert len(whole) <= SLOT
    app = image.stamp(chip.app(b"new firmware"), "1.0.0", "nodemcu", signer.key)
    stream = protocol.build(app, signer.key)
    datagrams = qemu.datagram_file(tmp_path / "datagrams", [*stream.data, *stream.end])
    flash = tmp_path / "flash"
    flash.write_bytes(whole.ljust(1 << 20, b"\xff"))
    rtc = qemu.rtc_file(tmp_path / "rtc", qemu.POWER_ON)
    # A device fresh from the factory has no application: the server is there for it.
    run = qemu.power_on(chip, flash, rtc, datagrams=datagrams)
    assert run.status == qemu.RESTART, run.said
    assert "ota: serving on port 8266" in run.said
    assert qemu.power_on(chip, flash, rtc).status == qemu.APP


def test_the_vectors_are_the_sdks_and_room_is_told(
    signer: Signer, sdk: Path, tmp_path: Path
) -> None:
    done = link(signer, sdk, tmp_path / "build")
    assert done.returncode == 0, done.stderr
    linked = elf.read((tmp_path / "build/server.elf").read_bytes())
    flash_map = flash_maps.read(TOP / "partitions/1m.csv")
    assert faults(linked, Program.OTA_SERVER, flash_map) == []
    for room in rooms(linked, Program.OTA_SERVER, flash_map):
        assert f"OTA server: {room.name} {room}" in done.stdout
        assert 0 < room.used < room.limit


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_map_stands_in_the_image(
    signer: Signer, sdk: Path, tmp_path: Path, layout: str
) -> None:
    assert link(signer, sdk, tmp_path / "build", layout).returncode == 0
    found = map_marker.find((tmp_path / "build/bootloader.bin").read_bytes())
    assert found == map_marker.marker(flash_maps.read(TOP / f"partitions/{layout}.csv"))


def test_a_sysroot_is_an_sdk_too(signer: Signer, sdk: Path, tmp_path: Path) -> None:
    usr = tmp_path / "sysroot/usr"
    shutil.copytree(sdk / "lib", usr / "lib")
    shutil.copy(sdk / "ld/eagle.rom.addr.v6.ld", usr / "lib")
    for name, folder in (("usr", usr), ("sysroot", usr.parent)):
        done = link(signer, folder, tmp_path / name)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name / "bootloader.bin").exists()


def test_vectors_that_are_not_the_sdks_are_refused(
    signer: Signer, sdk: Path, tmp_path: Path
) -> None:
    good = link(signer, sdk, tmp_path / "build")
    assert good.returncode == 0, good.stderr
    parts = tmp_path / "parts/emulator"
    names = [f"--redefine-sym={name}=other{name}" for name in VECTORS]
    command = ["xtensa-lx106-elf-objcopy", *names, parts / "vectors.o", parts / "other.o"]
    subprocess.run(command, check=True, timeout=20)
    (sdk / "lib/libmain.a").unlink()
    archive(sdk / "lib/libmain.a", parts / "sdk.o", parts / "other.o")
    done = link(signer, sdk, tmp_path / "build")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("linked: ")]
    assert "_DebugExceptionVector is the ROM's, at 0x40000010" in line
    assert not list((tmp_path / "build").glob("server.elf*[!p]"))
    assert not (tmp_path / "build/bootloader.bin").exists()


def test_what_is_no_sdk_for_this_chip_is_refused(signer: Signer, sdk: Path, tmp_path: Path) -> None:
    (sdk / "ld/eagle.rom.addr.v6.ld").unlink()
    assert "not whole (eagle.rom.addr" in link(signer, sdk, tmp_path / "build").stderr
    (sdk / "ld/eagle.rom.addr.v6.ld").touch()
    source, other = tmp_path / "other.c", tmp_path / "other.o"
    source.write_text("int other;")
    subprocess.run(["gcc", "-c", source, "-o", other], check=True, timeout=20)
    (sdk / "lib/libmain.a").unlink()
    subprocess.run(["ar", "rc", sdk / "lib/libmain.a", other], check=True, timeout=20)
    assert "an SDK for another chip" in link(signer, sdk, tmp_path / "build").stderr


TABLE = """
#include <stdio.h>
#include "sdk.h"
void user_pre_init(void);
int ets_printf(const char *format, ...) { return printf("%s", format); }
uint8_t system_partition_table_regist(const partition_item_t *table, uint32_t count, uint32_t map) {
    printf("%u\\n", map);
    for (uint32_t i = 0; i < count; i++)
        printf("%u %u %u\\n", table[i].type, table[i].addr, table[i].size);
    return 1;
}
int main(void) { user_pre_init(); }
"""


@pytest.mark.parametrize(("layout", "code"), [("1m", 2), ("2m", 3), ("4m", 4)])
def test_sdk_3_gets_the_flash_map(signer: Signer, tmp_path: Path, layout: str, code: int) -> None:
    """Types as SDK 3.0.5's user_interface.h has them; `code` is the size in the header at 0x0."""
    csv = TOP / f"partitions/{layout}.csv"
    built = make("native", f"LAYOUT={csv}", folder=tmp_path / "native")
    (tmp_path / "table.c").write_text(TABLE)
    port = TOP / "bootloader/ports/sdk"
    subprocess.run(
        [
            *("gcc", "-Wall", "-Werror", "-o", tmp_path / "table", "-I", port, "-I", built),
            *(tmp_path / "table.c", port / "partitions.c"),
        ],
        check=True,
        timeout=60,
    )
    said = subprocess.run(
        [tmp_path / "table"], check=True, capture_output=True, text=True, timeout=20
    ).stdout.split()
    numbers = list(map(int, said))
    assert numbers[0] == code
    sdk = flash_maps.read(csv)["sdk"]
    assert list(zip(*[iter(numbers[1:])] * 3, strict=True)) == [
        (1, 0, 0x1000),
        (2, 0x1000, 0x3B000),
        (4, sdk.offset, 0x1000),
        (5, sdk.offset + 0x1000, 0x1000),
        (6, sdk.end - 0x3000, 0x3000),
    ]


@pytest.mark.skipif(not REAL, reason="needs ESP8266_SDK=<folder>: the link with a real SDK")
@pytest.mark.parametrize("folder", REAL)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_real_sdk_links(signer: Signer, tmp_path: Path, folder: str, layout: str) -> None:
    done = link(signer, Path(folder), tmp_path / "build", layout)
    assert done.returncode == 0, done.stderr
    print(folder, done.stdout, sep="\n")
    linked = elf.read((tmp_path / "build/server.elf").read_bytes())
    assert linked.symbols["_UserExceptionVector"].address == 0x40100050
    flash_map = flash_maps.read(TOP / f"partitions/{layout}.csv")
    assert len((tmp_path / "build/bootloader.bin").read_bytes()) <= SLOT
    assert faults(linked, Program.OTA_SERVER, flash_map) == []
