from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hub import ROOT

LOG = "# Changelog\n\n## 0.2.0 (unreleased)\n\n- new\n\n## 0.1.0 (2026-12-01)\n\n- old\n"


def script(name: str):
    """A script of .ci as a module."""
    spec = importlib.util.spec_from_file_location(f"ci_{name}", ROOT / f".ci/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


version = script("version")


def test_the_changelog_goes_with_the_version():
    assert version.section(LOG, "0.2.0") == "- new"
    assert version.section(LOG, "0.1.0") == "- old"
    # One that was not released is another version now; behind one that was, a new section begins.
    renamed = version.with_heading(LOG, "1.0.0")
    assert "0.2.0" not in renamed
    assert version.section(renamed, "1.0.0") == "- new"
    released = version.dated(LOG, "0.2.0", "2027-01-02")
    assert "## 0.2.0 (2027-01-02)\n\n- new" in released
    begun = version.with_heading(released, "0.2.1")
    assert begun.startswith("# Changelog\n\n## 0.2.1 (unreleased)\n\n## 0.2.0 (2027-01-02)")
    for wrong in (
        lambda: version.section(begun, "0.2.1"),  # nothing is said of it
        lambda: version.section(LOG, "9.9.9"),
        lambda: version.dated(released, "0.2.0", "2027-01-03"),
        lambda: version.with_heading("# Changelog\n", "1.0.0"),
    ):
        with pytest.raises(version.VersionError):
            wrong()


def test_the_patch_is_raised_for_what_is_shipped_alone(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    for name in ("pyproject.toml",):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "VERSION").write_text("0.1.9\n")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.9 (2026-12-01)\n\n- x\n")
    for name in ("hub/app.py", "docs/hub.md", "tests/test_x.py", "partitions.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=ann", "-c", "user.email=ann@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    def now() -> str:
        return (tmp_path / "VERSION").read_text().strip()

    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "x")
    assert version.bump(tmp_path, "changed") == "0.1.9", "it was never released"
    git("tag", "v0.1.9")
    (tmp_path / "docs/hub.md").write_text("more")
    (tmp_path / "tests/test_x.py").write_text("more")
    assert version.bump(tmp_path, "changed") == now() == "0.1.9"
    for name in ("hub/app.py", "partitions.csv"):
        (tmp_path / name).write_text("more")
        assert version.changed_since_release(tmp_path, "0.1.9") == [name]
        (tmp_path / name).write_text("")
    (tmp_path / "hub/app.py").write_text("more")
    assert version.bump(tmp_path, "changed") == now() == "0.1.10"
    assert "## 0.1.10 (unreleased)\n\n## 0.1.9 (2026" in (tmp_path / "CHANGELOG.md").read_text()
    assert version.bump(tmp_path, "major") == now() == "1.0.0"
    assert (tmp_path / "CHANGELOG.md").read_text().count("unreleased") == 1
    with pytest.raises(version.VersionError, match="major, minor"):
        version.bump(tmp_path, "little")
