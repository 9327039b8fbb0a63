"""Random passwords in files that only the hub's user reads."""

from __future__ import annotations

import logging
import os
import re
import secrets
from pathlib import Path

__all__ = ["secret"]

log = logging.getLogger(__name__)

_SECRET = re.compile(r"[0-9a-f]{32}")


def secret(path: Path) -> str:
    """The 128-bit secret (32 hex digits) in the file, made on first use, mode 0600.

    A damaged one is set aside and made anew, and that is logged.
    """
    try:
        found = path.read_bytes().strip().decode("ascii", "replace")
    except FileNotFoundError:
        pass
    else:
        if _SECRET.fullmatch(found):
            return found
        path.replace(path.with_name(f"{path.name}.damaged"))
        log.error("%s is damaged: set aside as %s.damaged, and made anew", path, path.name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    value = secrets.token_hex(16)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123  # with its mode from the start
        file.write(value + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    return value
