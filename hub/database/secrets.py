"""Random passwords in files that only the hub's user reads."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["secret"]


def secret(path: Path) -> str:
    """The 128-bit secret (32 hex digits) in the file, made on first use, mode 0600."""
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    value = secrets.token_hex(16)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123  # with its mode from the start
        file.write(value + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    return value
