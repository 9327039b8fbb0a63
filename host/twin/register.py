"""The folder of devices that are kept from one run to the next, and their chip ids.

A hub remembers a device's password: a device that came back with another one would be refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from host.twin.errors import TwinFolderInUseError
from host.twin.kinds import TwinKind

__all__ = ["MOST", "chip_ids", "twin_folder"]

_BITS = 14
MOST = 1 << _BITS
"""Devices of one kind in a folder."""


@contextlib.contextmanager
def twin_folder(folder: Path) -> Iterator[int]:
    """Make `folder` and hold it; the first of its chip ids, drawn by lot when it was made.

    So devices of different folders and machines are different ones. Raises TwinFolderInUseError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # devices' passwords lie in it
    with (folder / "first-chip").open("a+", encoding="ascii") as register:
        try:
            fcntl.flock(register, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TwinFolderInUseError(folder) from None
        register.seek(0)
        text = register.read()
        if not text:
            text = f"{secrets.randbits(16) << 16:08x}\n"
            register.write(text)
            register.flush()
        yield int(text, 16)


def chip_ids(first: int, kinds: Sequence[TwinKind]) -> list[int]:
    """A chip id for each device: the n-th of a kind has always the same one."""
    order = {kind: number << _BITS for number, kind in enumerate(TwinKind)}
    seen: Counter[TwinKind] = Counter()
    chosen_ids = []
    for kind in kinds:
        chosen_ids.append(first | order[kind] | seen[kind])
        seen[kind] += 1
    return chosen_ids
