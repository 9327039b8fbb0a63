"""docs/architecture.md has every room of the tree."""

from __future__ import annotations

from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs/architecture.md").read_text("utf-8")


def rooms(package: str) -> list[str]:
    found = sorted(init.parent for init in (TOP / package).glob("*/__init__.py"))
    return [str(room.relative_to(TOP)) for room in found]


@pytest.mark.parametrize("room", [*rooms("contracts"), *rooms("host"), *rooms("hub")])
def test_every_room_has_a_line(room: str) -> None:
    assert f"| `{room}` | " in PAGE


def test_every_folder_of_the_tree_has_a_line() -> None:
    folders = ("firmware", "bootloader", "emulator", "contracts", "host", "hub", "tests", "deploy")
    assert not [folder for folder in folders if f"\n{folder}/ " not in PAGE]
    assert len(rooms("hub")) > 15
