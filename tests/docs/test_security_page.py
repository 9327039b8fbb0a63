"""Each line of the threat model names a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

TOP = Path(__file__).parents[2]
PAGE = TOP / "docs/security.md"
_ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)
_TEST = re.compile(r"\[([\w.]+)\]\(\.\./(tests/[\w/]+\.py)\)")


def rows() -> list[list[str]]:
    section = PAGE.read_text("utf-8").split("## Threat model\n")[1].split("\n## ")[0]
    found = [[cell.strip() for cell in row.split("|")] for row in _ROW.findall(section)]
    return found[2:]


def test_every_line_says_all_and_names_a_test():
    found = rows()
    assert len(found) > 15
    for row in found:
        assert len(row) == 5, row
        assert all(row), row
        (named,) = _TEST.findall(row[4])
        name, path = named
        text = (TOP / path).read_text("utf-8")
        if name.startswith("test_") and not name.endswith(".py"):
            assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), f"{path}: no {name}"
        else:
            assert name == Path(path).name
            assert re.search(r"^(async )?def test_", text, re.MULTILINE), path


def test_every_door_of_the_hub_is_in_it():
    doors = {door for row in rows() for door in row[1].split(", ")}
    assert {
        "MQTT",
        "MQTT with TLS",
        "enrolment",
        "HomeKit",
        "HTTP",
        "API",
        "private socket",
    } <= doors
