"""MicroPython's unix port, for a program of a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_START = "import sys; from micropython_run import run_main; sys.exit(run_main(sys.argv[1:]))"


def run_program(program: str, *, cwd: Path) -> str:
    """What a program prints on the unix port, with 32 MB of heap; it must end well."""
    options = ("-X", "heapsize=32M")
    command = [sys.executable, "-c", _START, "micropython", *options, "-c", program]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
