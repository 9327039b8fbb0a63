"""A public class has a name of its own: who searches for it finds one thing."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
# A device's parts are modules of the chip's stand-in, each with the class that wires it.
STAND_INS = ROOT / "host" / "twin" / "shims"


def test_no_public_class_name_is_defined_twice():
    where = defaultdict(list)
    for package in ("contracts", "host", "hub"):
        for file in (ROOT / package).rglob("*.py"):
            if file.is_relative_to(STAND_INS):
                continue
            for node in ast.parse(file.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    where[node.name].append(str(file.relative_to(ROOT)))
    assert len(where) > 500
    assert {name: files for name, files in where.items() if len(files) > 1} == {}
