"""What virtual devices run."""

from __future__ import annotations

import pytest

from host.firmware import FirmwareBuildError
from host.twin import firmware


@pytest.fixture
def source(tmp_path):
    package = tmp_path / "source" / "dormouse"
    package.mkdir(parents=True)
    (package / "version.py").write_text("VERSION = 'none'\nBOARD = 'none'\n")
    (package / "wake.py").write_text("def run(): return 1\n")
    (tmp_path / "source" / "main.py").write_text("from dormouse import wake\n")
    return tmp_path / "source"


def built(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_says_its_version_and_has_no_module_that_was_removed(source, tmp_path):
    build = firmware.compile_to(tmp_path / "out", version="7.8.9", board="sonoff", source=source)
    assert built(build.modules) == ["dormouse/version.mpy", "dormouse/wake.mpy", "main.mpy"]
    stamped = (build.modules / "dormouse/version.mpy").read_bytes()
    assert b"7.8.9" in stamped
    assert b"sonoff" in stamped
    (source / "dormouse" / "wake.py").unlink()
    firmware.compile_to(tmp_path / "out", source=source)
    assert built(build.modules) == ["dormouse/version.mpy", "main.mpy"]


def test_the_stand_ins_come_before_the_firmware(source, tmp_path):
    build = firmware.compile_to(tmp_path / "out", source=source)
    assert (build.shims / "machine.mpy").exists()
    assert build.search_path == f"{build.shims}:{build.modules}:.frozen"


def test_a_syntax_error_names_the_file(source, tmp_path):
    (source / "main.py").write_text("def (\n")
    with pytest.raises(FirmwareBuildError, match=r"main\.py"):
        firmware.compile_to(tmp_path / "out", source=source)
