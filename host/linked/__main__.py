"""`python -m host.linked application|server FILE PARTITIONS`: check what a build has linked."""

from __future__ import annotations

import sys
from pathlib import Path

from contracts.errors import DormouseError
from host import flash_maps
from host.linked.checks import Program
from host.linked.report import check, describe

_PROGRAMS = {"application": Program.APPLICATION, "server": Program.OTA_SERVER}


def main(arguments: list[str]) -> int:
    """Say what was linked and how much room is left; the exit status."""
    if len(arguments) != 3 or arguments[0] not in _PROGRAMS:
        print("usage: python -m host.linked application|server FILE PARTITIONS", file=sys.stderr)
        return 2
    program, path = _PROGRAMS[arguments[0]], Path(arguments[1])
    try:
        flash_map = flash_maps.read(Path(arguments[2]))
        linked = check(path, program, flash_map)
    except DormouseError as error:
        print(f"linked: {error}", file=sys.stderr)
        return error.exit_status
    for name, value in describe(linked, program, flash_map):
        print(f"{program}: {name} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
