"""docs/store.md: its examples work as they stand, and print what it says."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import types
from pathlib import Path

import pytest

from hub.database.postgres import OWNER

PAGE = Path(__file__).parents[2] / "docs" / "store.md"
_BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Sums of definitions, which Postgres may print otherwise in another version.
_SUM = re.compile(r"\b[0-9a-f]{32}\b")


@pytest.fixture
async def empty(server):
    found = server.database("store_page")
    await server._execute("CREATE DATABASE {} OWNER {}", found.name, OWNER)
    yield found
    await server.drop(found.name)


def test_every_example_prints_what_the_page_says(empty, monkeypatch):
    # Annotations of models are looked up in their module.
    module = types.ModuleType("store_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.owner, module.app = empty.owner_url, empty.app_url
    try:
        _run(module)
    finally:
        module.engine.dispose()


def _run(module: types.ModuleType) -> None:
    printed = ""
    blocks = _BLOCK.findall(PAGE.read_text())
    assert len(blocks) > 5
    for kind, text in blocks:
        if kind == "text":
            assert _SUM.sub("...", printed) == _SUM.sub("...", text)
            continue
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(compile(text, str(PAGE), "exec"), vars(module))
        printed = output.getvalue()
