"""`dormouse firmware image`: from a folder of sources to an image, or one line why not.

A stand-in for MicroPython's sources has the port's names; with MICROPYTHON=<folder> (and, where the
compiler has no SDK of its own, MICROPYTHON_MAKE="ESP_SDK=... CFLAGS_EXTRA='...'") the real ones are
built, twice.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from contracts import image, map_marker
from host import artefacts, flash_maps, keys
from host.micropython import build as make
from host.micropython import sources
from host.micropython.errors import (
    BuildFailedError,
    NoCompilerError,
    NoSubmodulesError,
    NotMicroPythonError,
    SourcesVersionError,
)
from tests.host.flash.conftest import Said, dormouse
from tests.host.micropython.standin import commit, git, write_sources
from tests.support.linked_app import TOP

NAME = "firmware-d1-mini-1.2.3"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = write_sources(tmp_path / "micropython")
    commit(made, "v1.28.0")
    return made


def build(folder: Path, output: Path, *arguments: str) -> Said:
    sdk = ("--make", f"ESP_SDK={folder.resolve()}/usr")
    return dormouse(
        *("firmware", "image", str(folder), "--board", "d1-mini", "--version", "1.2.3"),
        *("--key", str(output / "none.pem"), "-o", str(output), *sdk, *arguments),
    )


def test_an_image_ready_to_flash(folder, tmp_path):
    said = build(folder, tmp_path / "out")
    assert said.status == 0, said.output
    for words in ("MicroPython v1.28.0", "irom: ", "left", "vectors: the SDK's", "not signed"):
        assert words in said.output
    data = (tmp_path / "out" / f"{NAME}.bin").read_bytes()
    trailer = image.application(data).trailer
    assert (trailer.version, trailer.board, trailer.signature) == ("1.2.3", "d1-mini", b"")
    # Of the image, and of the file that it was linked from.
    for name in (f"{NAME}.bin", f"{NAME}.elf"):
        told = dormouse("image", "info", str(tmp_path / "out" / name)).output
        assert re.search(r"^irom: +\d+ of 585728 bytes, \d+ left$", told, re.MULTILINE), told
        assert re.search(r"^IRAM: +\d+ of 32768 bytes, \d+ left$", told, re.MULTILINE), told


def test_the_same_sources_give_the_same_bytes_anywhere(folder, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere/deep/mp"
    shutil.copytree(folder, elsewhere)
    # What our own make was called with must not reach MicroPython's.
    monkeypatch.setenv("MAKEFLAGS", " -- BOARD=d1-mini LAYOUT=/x BUILD=other")
    monkeypatch.setenv("BOARD", "d1-mini")
    monkeypatch.setenv("CROSS_COMPILE", "xtensa-lx106-elf-")
    for source, output in ((folder, "one"), (elsewhere, "two"), (folder, "three")):
        said = build(source, tmp_path / output)
        assert said.status == 0, said.output
    first, *others = [(tmp_path / n / f"{NAME}.bin").read_bytes() for n in ("one", "two", "three")]
    assert others == [first, first]


def test_what_an_earlier_build_froze_is_frozen_anew(folder, tmp_path):
    # The port's tools go by the times of files: a source that is older than it would stay out.
    frozen = folder / "ports/esp8266/build-DORMOUSE/frozen_mpy"
    frozen.mkdir(parents=True)
    (frozen / "boot.mpy").touch()
    assert build(folder, tmp_path / "out").status == 0
    assert not frozen.exists()


@pytest.mark.parametrize("layout", artefacts.LAYOUTS)
def test_it_says_for_which_flash_map_it_is(folder, tmp_path, layout):
    csv = TOP / f"partitions/{layout}.csv"
    said = build(folder, tmp_path / "out", "--partitions", str(csv))
    assert said.status == 0, said.output
    found = map_marker.find((tmp_path / "out" / f"{NAME}.bin").read_bytes())
    assert found == map_marker.marker(flash_maps.read(csv))


def test_it_is_signed_when_there_is_a_key(folder, tmp_path):
    key = keys.new(tmp_path / "ota.pem", 1024)
    said = build(folder, tmp_path / "out", "--key", str(tmp_path / "ota.pem"))
    assert f"signed by {key.name}" in said.output
    trailer = image.application((tmp_path / "out" / f"{NAME}.bin").read_bytes()).trailer
    assert len(trailer.signature) == 128


def no_port(folder: Path) -> None:
    shutil.rmtree(folder / "ports")


def no_submodule(folder: Path) -> None:
    shutil.rmtree(folder / "lib/axtls")
    (folder / "lib/axtls").mkdir()


def changed(folder: Path) -> None:
    (folder / "py/README").write_text("changed")


def untagged(folder: Path) -> None:
    git(folder, "tag", "-d", "v1.28.0")


def too_old(folder: Path) -> None:
    untagged(folder)
    git(folder, "tag", "v1.26.1")


def no_sdk(folder: Path) -> None:
    (folder / "usr/lib/liblwip_open.a").unlink()


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (no_port, NotMicroPythonError, "ports/esp8266/Makefile is missing"),
        (no_submodule, NoSubmodulesError, "lib/axtls: empty; make -C"),
        (changed, SourcesVersionError, "v1.28.0-dirty: changed"),
        (untagged, SourcesVersionError, "git fetch --tags"),
        (too_old, SourcesVersionError, "1.27 or newer is wanted"),
        (no_sdk, NoCompilerError, "liblwip_open.a is missing"),
    ],
)
def test_one_line_for_what_is_missing(folder, tmp_path, spoil, error, words):
    spoil(folder)
    refused(build(folder, tmp_path / "out"), error, words, tmp_path / "out")
    if spoil is changed:
        assert build(folder, tmp_path / "out", "--changed-sources").status == 0


def refused(said: Said, error: type[Exception], words: str, output: Path) -> None:
    assert (said.status, words in said.output) == (error.exit_status, True), said.output
    assert not list(output.glob("firmware-*"))


@pytest.mark.parametrize(("compiler", "words"), [("nowhere-", "no compiler"), ("", "compiles for")])
def test_a_compiler_for_another_chip_is_refused(folder, tmp_path, compiler, words):
    if not compiler:
        compiler = f"{tmp_path}/host-"
        Path(f"{compiler}gcc").symlink_to(shutil.which("gcc"))
    said = build(folder, tmp_path / "out", "--make", f"CROSS_COMPILE={compiler}")
    refused(said, NoCompilerError, words, tmp_path / "out")


@pytest.mark.parametrize(
    ("flags", "status", "words"),
    [
        ("-DBALLAST=600000", 19, "bytes too large for its slot in flash"),
        ("-include missing.h", BuildFailedError.exit_status, "missing.h: No such file"),
    ],
)
def test_a_build_that_fails_leaves_what_was_there(folder, tmp_path, flags, status, words):
    output = tmp_path / "out"
    assert build(folder, output).status == 0
    before = {path.name: path.read_bytes() for path in output.glob("firmware-*")}
    said = build(folder, output, "--make", f"CFLAGS_EXTRA={flags}")
    assert (said.status, words in said.output) == (status, True), said.output
    assert {path.name: path.read_bytes() for path in output.glob("firmware-*")} == before


def test_what_the_linker_says_is_told_and_not_that_make_ended(tmp_path):
    """As ld 2.40 says it of an SDK (3.x) that has functions of the port's."""
    said = [
        "xtensa-lx106-elf-ld: build-DORMOUSE/posix_helpers.o: in function `calloc':",
        "posix_helpers.c:47: multiple definition of `calloc'; libmain.a(mem_manager.o): first",
        "make: *** [Makefile:218: build-DORMOUSE/firmware.elf] Error 1",
    ]
    assert "multiple definition of `calloc'" in str(make._why(said, tmp_path / "make.log"))
    # Where nothing says more.
    assert "Error 1" in str(make._why(said[2:], tmp_path / "make.log"))


def test_a_flash_map_or_board_that_cannot_be_is_refused(folder, tmp_path):
    custom = tmp_path / "custom.csv"
    custom.write_text((TOP / "partitions/1m.csv").read_text().replace("0x26000", "0x25000"))
    text = custom.read_text().replace("0xfb000,  0x5000", "0xfa000,  0x6000")
    custom.write_text(text)
    said = build(folder, tmp_path / "out", "--partitions", str(custom))
    assert (said.status, "no firmware can be linked" in said.output) == (13, True)
    said = build(folder, tmp_path / "out", "--board", "sonoff-basic", "--partitions",
                 str(TOP / "partitions/4m.csv"))  # fmt: skip
    assert (said.status, "1024 KiB of flash" in said.output) == (19, True), said.output


def test_sources_without_git_are_named_by_their_header(tmp_path):
    folder = write_sources(tmp_path / "unpacked", (1, 27))
    found = sources.find(folder)
    assert (found.version, found.date) == ("v1.27.0", 0)


@pytest.mark.timeout(1800)
def test_micropython_itself(tmp_path):
    micropython = os.environ.get("MICROPYTHON")
    if not micropython:
        pytest.skip("needs MICROPYTHON=<folder of its sources>: builds the real port, twice")
    variables = shlex.split(os.environ.get("MICROPYTHON_MAKE", ""))
    given = [word for one in variables for word in ("--make", one)]
    images = []
    for output in (tmp_path / "one", tmp_path / "two"):
        shutil.rmtree(sources.find(Path(micropython)).build, ignore_errors=True)
        said = dormouse(
            *("firmware", "image", micropython, "--board", "d1-mini", "--version", "1.2.3"),
            *("--key", str(tmp_path / "none.pem"), "-o", str(output), *given),
        )
        assert said.status == 0, said.output
        print(said.output)
        images.append((output / f"{NAME}.bin").read_bytes())
    assert images[0] == images[1]
    # Frozen: every module of ours, and what the start-up modules of the port import.
    firmware = TOP / "firmware/dormouse"
    ours = [f"dormouse/{path.relative_to(firmware).as_posix()}" for path in firmware.rglob("*.py")]
    for name in (*ours, "flashbdev.py", "inisetup.py", "boot.py", "_boot.py"):
        assert name.encode() in images[0], name
    # All of it fits the smallest layout, and a build for another one follows in the same folder.
    for layout in artefacts.LAYOUTS:
        csv = TOP / f"partitions/{layout}.csv"
        output = tmp_path / layout
        said = dormouse(
            *("firmware", "image", micropython, "--board", "d1-mini", "--version", "1.2.3"),
            *("--key", str(tmp_path / "none.pem"), "-o", str(output)),
            *("--partitions", str(csv), *given),
        )
        assert said.status == 0, said.output
        print(said.output)
        marker = map_marker.find((output / f"{NAME}.bin").read_bytes())
        assert marker == map_marker.marker(flash_maps.read(csv))
