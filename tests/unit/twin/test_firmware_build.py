"""Compiling the firmware for virtual devices."""

from __future__ import annotations

import os

import pytest

from host.twin import firmware
from host.twin.errors import FirmwareError


@pytest.fixture(autouse=True)
def _shims(tmp_path, monkeypatch):
    """A shim of our own: this is about compiling, whatever there is to compile."""
    (tmp_path / "shims").mkdir()
    (tmp_path / "shims" / "machine.py").write_text("def reset(): pass\n")
    monkeypatch.setattr(firmware, "SHIMS", tmp_path / "shims")


@pytest.fixture
def source(tmp_path):
    package = tmp_path / "source" / "dormouse"
    package.mkdir(parents=True)
    (package / "version.py").write_text("VERSION = 'none'\nBOARD = 'none'\n")
    (package / "wake.py").write_text("def run(): return 1\n")
    (tmp_path / "source" / "main.py").write_text("from dormouse import wake\n")
    (tmp_path / "source" / "manifest.py").write_text("package('dormouse')\n")
    return tmp_path / "source"


def built(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_compiles_modules_and_not_the_build_files(source, tmp_path):
    folder = firmware.compile_to(tmp_path / "out", source, version="7.8.9", board="sonoff").modules
    assert built(folder) == ["dormouse/version.mpy", "dormouse/wake.mpy", "main.mpy"]
    stamped = (folder / "dormouse/version.mpy").read_bytes()
    assert b"7.8.9" in stamped
    assert b"sonoff" in stamped


def test_compiles_again_only_what_changed(source, tmp_path):
    folder = firmware.compile_to(tmp_path / "out", source).modules
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.mpy")}
    changed = source / "dormouse" / "wake.py"
    changed.write_text("def run(): return 2\n")
    later = before[folder / "dormouse/wake.mpy"] + 1
    os.utime(changed, ns=(later, later))
    firmware.compile_to(tmp_path / "out", source)
    assert (folder / "dormouse/wake.mpy").stat().st_mtime_ns != before[folder / "dormouse/wake.mpy"]
    assert (folder / "main.mpy").stat().st_mtime_ns == before[folder / "main.mpy"]


def test_shims_come_before_the_firmware(source, tmp_path):
    build = firmware.compile_to(tmp_path / "out", source)
    assert built(build.shims) == ["machine.mpy"]
    assert build.search_path == f"{build.shims}:{build.modules}:.frozen"


def test_a_removed_module_is_removed(source, tmp_path):
    folder = firmware.compile_to(tmp_path / "out", source).modules
    (source / "dormouse" / "wake.py").unlink()
    firmware.compile_to(tmp_path / "out", source)
    assert built(folder) == ["dormouse/version.mpy", "main.mpy"]


def test_a_syntax_error_names_the_file_and_leaves_the_old_module(source, tmp_path):
    folder = firmware.compile_to(tmp_path / "out", source).modules
    broken = source / "main.py"
    broken.write_text("def (\n")
    later = (folder / "main.mpy").stat().st_mtime_ns + 1
    os.utime(broken, ns=(later, later))
    before = built(folder)
    with pytest.raises(FirmwareError, match=r"main\.py"):
        firmware.compile_to(tmp_path / "out", source)
    assert built(folder) == before


def test_a_folder_without_firmware_is_refused(tmp_path):
    with pytest.raises(FirmwareError, match="no firmware here"):
        firmware.compile_to(tmp_path / "out", tmp_path / "nothing")
