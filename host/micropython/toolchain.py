"""The compiler that MicroPython's make will take, and the SDK that it will link."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from host.micropython.errors import NoCompilerError

__all__ = ["check"]

_PREFIX = "xtensa-lx106-elf-"
_WHERE = "the port's README says where it comes from; PATH must have it"


def check(variables: Mapping[str, str]) -> None:
    """Raises NoCompilerError unless a build with these variables of make finds what it needs."""
    for tool in ("make", "python3"):
        if shutil.which(tool) is None:
            raise NoCompilerError(f"{tool}: not on this machine; MicroPython's build needs it")
    prefix = variables.get("CROSS_COMPILE") or os.environ.get("CROSS_COMPILE") or _PREFIX
    compiler = f"{prefix}gcc"
    if shutil.which(compiler) is None:
        raise NoCompilerError(f"{compiler}: no compiler for the chip is here; {_WHERE}")
    machine = _says(compiler, "-dumpmachine")
    if not machine.startswith("xtensa") or "lx106" not in machine:
        raise NoCompilerError(f"{compiler}: compiles for {machine or '?'}, not for the ESP8266")
    sdk = Path(variables.get("ESP_SDK") or _says(compiler, "-print-sysroot") + "/usr")
    for name in ("include/user_interface.h", "lib/libmain.a", "lib/liblwip_open.a"):
        if not (sdk / name).is_file():
            raise NoCompilerError(
                f"{sdk}: no SDK with open lwIP where {compiler} has its own ({name} is missing): "
                "take MicroPython's toolchain for the port, or --make ESP_SDK=<folder>"
            )


def _says(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
