"""docs/api.md names operations that there are, and all that only an operator may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unittest.mock import MagicMock

import pytest

from hub.api.application import api
from hub.services import routers
from tests.docs.test_links import TOP

PAGE = (TOP / "docs/api.md").read_text("utf-8")
# Served besides the API's own routers: hub/web/listing.py and FastAPI's document.
BESIDES = {("GET", "/routes"), ("GET", "/openapi.json")}


def plain(path: str) -> str:
    """A path whose parameters have no names."""
    return re.sub(r"<[^>]*>|{[^}]*}", "{}", path.partition("?")[0])


@pytest.fixture(scope="module")
def scopes() -> dict[tuple[str, str], str]:
    """The scope of each operation; the services are never called."""
    paths = api(routers(MagicMock())).openapi()["paths"]
    return {
        (method.upper(), plain(path)): operation["x-scope"]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


def operations(cell: str) -> Iterator[tuple[str, str]]:
    """`POST /a/b`, `/c` is also POST /a/c, and `DELETE` the same path."""
    method, path = "", ""
    for given, rest in re.findall(r"`([A-Z]*) ?(/[^`]*)?`", cell):
        if given and rest:
            method, path = given, rest
        elif given:
            method = given
        else:
            path = path.rpartition("/")[0] + rest
        yield method, plain(path)


def test_the_table_of_the_operator_is_complete(scopes):
    table = PAGE.partition("## The operator's socket")[2].partition("\n## ")[0]
    rows = [row for row in table.splitlines() if row.startswith("| `")]
    named = {one for row in rows for one in operations(row.split("|")[1])}
    assert named - BESIDES == {one for one, scope in scopes.items() if scope == "operator"}


def test_every_operation_that_is_named_is_there(scopes):
    named = re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) /api(/[^\s`,)]*)", PAGE)
    assert len(named) > 10
    assert {(method, plain(path)) for method, path in named} - BESIDES <= scopes.keys()
