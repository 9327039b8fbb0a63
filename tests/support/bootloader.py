"""The bootloader's native port, built once for all who need it."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]


@dataclass(frozen=True)
class NativeBootloader:
    """The programs `otaserver` and `bootdecide`; their --help says how they are called."""

    folder: Path

    @property
    def otaserver(self) -> Path:
        return self.folder / "otaserver"

    @property
    def bootdecide(self) -> Path:
        return self.folder / "bootdecide"


def try_make(
    *arguments: str,
    folder: Path = TOP / "build/bootloader",
    source: Path = TOP / "bootloader",
) -> subprocess.CompletedProcess[str]:
    """Run the bootloader's Makefile; one at a time for a folder, whichever process asks."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.run(
            [
                *("make", "--no-print-directory", "-s", "-C", str(source)),
                *(f"BUILD={folder}", f"PYTHON={sys.executable}", *arguments),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


def make(
    *arguments: str,
    folder: Path = TOP / "build/bootloader",
    source: Path = TOP / "bootloader",
) -> Path:
    """Run the bootloader's Makefile, which must succeed. Returns the folder built into."""
    done = try_make(*arguments, folder=folder, source=source)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def native_bootloader() -> NativeBootloader:
    return NativeBootloader(make("native"))
