"""docs/origins.md: every test of the originals has its line; those of ours named there exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "origins.md"
_LINE = re.compile(
    r"^\| `(test_\w+)` `(test_[^`]+)` \| (holds|otherwise: [^|]+|holds: [^|]+) \| (.+) \|$"
)
_OURS = re.compile(r"`(test_\w+)::(test_\w+)`")
# As counted in their repositories, a test for each set of its parameters.
COUNTED = {
    "temporal-sqlalchemy": {
        "test_builders": 8, "test_concrete_base": 9, "test_edge_cases": 1, "test_invariants": 4,
        "test_joined_table_inheritance": 4, "test_persist_changes_on_commit": 15,
        "test_session": 3, "test_temporal_model_mixin": 10, "test_temporal_models": 18,
        "test_temporal_models_with_relationships": 4,
        "test_temporal_multi_entity_with_activity": 2, "test_temporal_with_activity": 6,
    },
    "django-occupation": {
        "test_migrations": 7, "test_admin": 8, "test_middleware": 8, "test_templates": 1,
        "test_context_processor": 3,
    },
}  # fmt: skip


@cache
def _functions(file: str) -> frozenset[str]:
    found = (
        node.name
        for path in TESTS.rglob(f"{file}.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return frozenset(found)


def lines(origin: str) -> list[re.Match[str]]:
    section = PAGE.read_text().partition(f"\n## {origin}\n")[2].partition("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| `")]
    found = [_LINE.match(row) for row in rows]
    assert all(found), [row for row, one in zip(rows, found, strict=True) if one is None]
    return found


@pytest.mark.parametrize("origin", COUNTED)
def test_every_scenario_has_a_line_and_none_is_missing(origin):
    counted: dict[str, set[str]] = {}
    for line in lines(origin):
        counted.setdefault(line[1], set()).add(line[2])
    assert {file: len(names) for file, names in counted.items()} == COUNTED[origin]
    assert len(lines(origin)) == sum(COUNTED[origin].values())


@pytest.mark.parametrize("origin", COUNTED)
def test_the_tests_that_are_named_exist(origin):
    for line in lines(origin):
        ours = _OURS.findall(line[4])
        assert len(ours) == line[4].count("`") // 2 > 0, line[0]
        for file, name in ours:
            assert name in _functions(file), f"{file}::{name}, beside {line[2]}"


def test_a_test_that_is_not_there_would_be_seen():
    assert "test_no_such_thing" not in _functions("test_scenarios")
    assert not _functions("test_no_such_file")
