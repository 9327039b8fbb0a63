"""The folder of devices that are kept from one run to the next, and their chip ids.

A hub remembers a device's password: a device that came back with another one would be refused.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from host.twin.errors import TwinFolderInUseError
from host.twin.kinds import TwinKind

__all__ = ["MOST", "chip_ids", "twin_folder"]

# As on silicon the last byte of an id is 0: 12 bits are the folder's, 2 the kind's, 10 number the
# devices of a kind.
_ZERO, _BITS, _KIND_BITS, _FOLDER_BITS = 8, 10, 2, 12
MOST = 1 << _BITS
"""Devices of one kind in a folder."""
_OWN = _ZERO + _BITS + _KIND_BITS
# Folders of the way before, 14 bits a kind, have `first-chip`.
_REGISTER = "first-chip-id"
_ID = re.compile(r"[0-9a-f]{8}$", re.ASCII)


@contextlib.contextmanager
def twin_folder(folder: Path) -> Iterator[int]:
    """Make `folder` and hold it; the first of its chip ids, drawn by lot when it was made.

    So devices of different folders and machines are different ones. One whose ids were numbered
    in the way before gets new devices, none of which has an older one's id: such a folder would
    hold the flash of another kind of sensor. Raises TwinFolderInUseError.
    """
    import fcntl  # noqa: PLC0415  # Windows has none, and no virtual devices either

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # devices' passwords lie in it
    with (folder / _REGISTER).open("a+", encoding="ascii") as register:
        try:
            fcntl.flock(register, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TwinFolderInUseError(folder) from None
        register.seek(0)
        text = register.read()
        if not text:
            text = f"{_draw(folder) << _OWN:08x}\n"
            register.write(text)
            register.flush()
        yield int(text, 16)


def _draw(folder: Path) -> int:
    """Bits for a folder's devices that no device there has yet."""
    taken = {int(place.name, 16) >> _OWN for place in folder.iterdir() if _ID.match(place.name)}
    return secrets.choice([bits for bits in range(1 << _FOLDER_BITS) if bits not in taken])


def chip_ids(first: int, kinds: Sequence[TwinKind]) -> list[int]:
    """A chip id for each device: the n-th of a kind has always the same one."""
    order = {kind: number << _BITS for number, kind in enumerate(TwinKind)}
    seen: Counter[TwinKind] = Counter()
    chosen_ids = []
    for kind in kinds:
        chosen_ids.append(first | (order[kind] | seen[kind]) << _ZERO)
        seen[kind] += 1
    return chosen_ids
