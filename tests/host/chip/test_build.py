"""What a rehearsal says of folders that are no builds: one line each, nothing half-made."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from host import files
from host.chip import build as builds
from host.chip.build import ChipBuild, ChipParts
from host.chip.errors import NotABuildError
from host.chip.machine import Typed
from host.cli import root
from host.errors import FileWriteError
from tests.support.linked_app import link_app

NAMES = ("firmware.elf", "firmware.map", "ets_alt_task.o", "frozen_content.o")


def made(folder: Path, version: bytes = b"\x00\x100.1.0\x00\x0ed1-mini") -> Path:
    """A build folder as far as it is looked at before anything is linked."""
    port = folder / "ports/esp8266"
    build = port / "build-DORMOUSE"
    (build / "frozen_mpy/dormouse").mkdir(parents=True)
    (port / "boards").mkdir()
    (port / "boards/eagle.rom.addr.v6.ld").touch()
    for name in NAMES:
        (build / name).touch()
    (build / "frozen_mpy/dormouse/version.mpy").write_bytes(version)
    return build


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_is_no_build(tmp_path: Path, name: str) -> None:
    build = made(tmp_path)
    (build / name).unlink()
    for folder in (tmp_path, build):
        with pytest.raises(NotABuildError, match=name):
            builds.find(folder)


def test_a_build_outside_of_the_port(tmp_path: Path) -> None:
    build = made(tmp_path)
    (build.parent / "boards/eagle.rom.addr.v6.ld").unlink()
    with pytest.raises(NotABuildError, match="not within the port"):
        builds.find(build)


def test_somebody_elses_firmware(tmp_path: Path) -> None:
    with pytest.raises(NotABuildError, match="which version of our firmware"):
        builds.find(made(tmp_path, b"other modules"))


@pytest.mark.parametrize("content", [b"\x7fELF", Path("/bin/true").read_bytes()])
def test_a_firmware_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    build = made(tmp_path)
    (build / "firmware.elf").write_bytes(content)
    with pytest.raises(NotABuildError, match=r"firmware\.elf: "):
        builds.find(build)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("ld: main.o: file not recognized: file format not recognized", "main.o"),
        ("ld: ls.o: error adding symbols: file in wrong format", "ls.o"),
        ("ld: lwip.a: No space left on device", "No space left"),
        ("", "Error 1"),
    ],
)
def test_the_linkers_line_is_told(said: str, told: str) -> None:
    text = f"warning: one\n{said}\nmake: *** [Makefile:112: parts/firmware.elf] Error 1\n"
    assert told in builds._why(text)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FileWriteError, match="no folder can be made"):
            files.make_folder(folder)


def test_a_build_for_no_map_of_ours(tmp_path: Path) -> None:
    build = made(tmp_path)
    (build / "firmware.elf").write_bytes(link_app(tmp_path / "app").read_bytes())
    with pytest.raises(NotABuildError, match="flash map that is none of ours"):
        builds.find(build)


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(root("rehearse"), ["rehearse", str(tmp_path)])
    assert isinstance(outcome.exception, NotABuildError)
    assert outcome.exception.exit_status == 61
    assert "\n" not in str(outcome.exception)


@pytest.mark.parametrize(
    ("version", "following"), [("0.1.0", "1.1.1"), ("1.1.1", "2.1.2"), ("0.2.3", "4.2.7")]
)
def test_the_next_version_has_the_same_length_and_hash(version: str, following: str) -> None:
    build = ChipBuild(Path(), version, "d1-mini", None, "1m", Path())  # type: ignore[arg-type]
    parts = ChipParts(build, Path(), b"", None, None)  # type: ignore[arg-type]
    assert parts.next_version() == following


def test_typing_waits_for_what_was_said() -> None:
    typed = Typed([("portal:", "\x03"), (">>> ", "one"), (">>> ", "two")])
    assert typed.due("boot:") == b""
    assert typed.due("boot:\nportal: join") == b"\x03"
    assert typed.due("boot:\nportal: join") == b""
    said = "boot:\nportal: join\n>>> "
    assert typed.due(said) == b"one"
    assert typed.due(said) == b""  # the same prompt counts once
    assert typed.due(said + "one\n>>> ") == b"two"
