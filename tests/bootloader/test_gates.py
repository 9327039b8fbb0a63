"""What the build refuses, and what it says then."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from contracts import signatures
from tests.bootloader.conftest import Signer
from tests.bootloader.server import SLOT
from tests.support.bootloader import TOP, make, try_make

MAIN = "ports/chip/main.c"
ENTRY = "void start(void) {"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the bootloader's tree, to break."""
    copy = tmp_path / "tree" / "bootloader"
    shutil.copytree(TOP / "bootloader", copy)
    for package in ("contracts", "host"):
        shutil.copytree(TOP / package, copy.parent / package)
    shutil.copy(TOP / "partitions.csv", copy.parent)
    return copy


def break_it(source: Path, before: str, after: str) -> None:
    text = (source / MAIN).read_text()
    assert text.count(before) == 1
    (source / MAIN).write_text(text.replace(before, after))


def refusal(source: Path, signer: Signer, *arguments: str) -> str:
    """What the build of a broken tree says; no image is left."""
    build = source.parent / "build"
    done = try_make("chip", f"CONFIG={signer.config}", *arguments, folder=build, source=source)
    assert done.returncode != 0
    assert not (build / "boot.bin").exists()
    return done.stderr


def test_the_image_fits_and_carries_its_key(signer: Signer, tmp_path: Path) -> None:
    built = make("chip", f"CONFIG={signer.config}", folder=tmp_path) / "boot.bin"
    content = built.read_bytes()
    assert 3000 < len(content) <= 4096
    assert content[:2] == b"\xe9\x02"
    assert signatures.carries(content, signer.key.modulus)


def test_an_image_over_a_sector_is_refused(source: Path, signer: Signer) -> None:
    break_it(
        source, ENTRY, "const volatile char ballast[600] = {1};\n" + ENTRY + " (void)ballast[0];"
    )
    assert "but sector 0 has 4096" in refusal(source, signer)


def test_other_rom_functions_are_refused(source: Path, signer: Signer) -> None:
    break_it(source, ENTRY, "void ets_wdt_disable(void);\n" + ENTRY + " ets_wdt_disable();")
    assert "undefined reference to `ets_wdt_disable'" in refusal(source, signer)


def test_helpers_of_the_compiler_are_refused(source: Path, signer: Signer) -> None:
    break_it(source, ENTRY, ENTRY + " if (port_gpio_levels() / port_rtc_read(0) == 7) return;")
    assert "undefined reference to `__udivsi3'" in refusal(source, signer)


@pytest.mark.parametrize(
    ("section", "complaint"),
    [(".text.table", "is data in IRAM"), (".iram.table", "unplaced orphan section")],
)
def test_data_in_iram_is_refused(
    source: Path, signer: Signer, section: str, complaint: str
) -> None:
    table = f'__attribute__((section("{section}"))) const char table[] = "bytes";\n'
    break_it(source, ENTRY, table + ENTRY + ' ets_printf("%s", table);')
    assert complaint in refusal(source, signer)


def test_a_config_for_another_slot_is_refused(signer: Signer, source: Path, tmp_path: Path) -> None:
    config = tmp_path / "other.h"
    config.write_text(signer.config.read_text().replace("0x3c000", "0x40000"))
    message = refusal(source, Signer(signer.key, signer.pem, config))
    assert "MAIN_APP_OFFSET is not the app slot of partitions.csv" in message


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["chip"], "no key to build in: make one with 'make keys'"),
        (["chip", "CONFIG=/nowhere/config.h"], "/nowhere/config.h: no such file"),
        (["server", "CONFIG={config}", "SDK=/nowhere"], "/nowhere: no non-OS SDK"),
        (["native", "LAYOUT={config}"], "columns; name, type"),
    ],
)
def test_one_clear_line_for_what_is_missing(
    signer: Signer, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    done = try_make(*(a.format(config=signer.config) for a in arguments), folder=tmp_path)
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if complaint in line]


@pytest.mark.parametrize("layout", ["1m", "2m", "4m"])
def test_every_layout_builds(signer: Signer, tmp_path: Path, layout: str) -> None:
    make(
        *("all", f"CONFIG={signer.config}", f"LAYOUT={TOP}/partitions/{layout}.csv"),
        folder=tmp_path,
    )
    size = subprocess.run(
        ["xtensa-lx106-elf-size", "-A", tmp_path / "server-stubs.elf"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    sections = {
        name: (int(length), int(address))
        for name, length, address in (
            line.split() for line in size.splitlines() if line.startswith(".")
        )
    }
    text, at = sections[".irom0.text"]
    # From its place behind the RAM segments up to the application; most is left to the SDK.
    assert at == 0x40200000 + 0x9000
    assert text < 8 << 10
    assert at + text < 0x40200000 + SLOT
    assert sum(sections[name][0] for name in (".data", ".rodata", ".bss")) < 8 << 10


def test_the_default_layout_is_the_smallest() -> None:
    def entries(path: Path) -> list[str]:
        return [line for line in path.read_text().splitlines() if not line.startswith("#")]

    assert entries(TOP / "partitions.csv") == entries(TOP / "partitions/1m.csv")
