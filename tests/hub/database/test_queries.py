import ast
from pathlib import Path

import pytest

import hub
from hub.database.errors import QueryFileError
from hub.database.queries import Queries

ROOM = Path(hub.__file__).parent
FILES = sorted(ROOM.rglob("queries.sql"))

TEXT = """-- What this is about: 100 % of it.

-- first --
-- A comment, 10 % of which the driver must not see.
SELECT %s,
       2;

-- second --
SELECT '-- not a header --' AS {name};
"""


def test_queries_are_found_by_name_without_their_comments():
    queries = Queries("a.room", TEXT)
    assert queries["first"].as_string() == "SELECT %s,\n       2"
    assert list(queries) == ["first", "second"]
    assert "not a header" in queries["second"].as_string()


@pytest.mark.parametrize(("text", "reason"), [
    ("-- one --\nSELECT 1;\n-- one --\nSELECT 2;", "two queries are called 'one'"),
    ("-- one --\n-- nothing\n", "'one' is empty"),
    ("SELECT 1;\n-- one --\nSELECT 2;", "SQL before the first"),
])  # fmt: skip
def test_a_file_that_is_wrong_is_refused_when_it_is_read(text, reason):
    with pytest.raises(QueryFileError, match=reason):
        Queries("a.room", text)


def test_what_is_not_there_is_named():
    with pytest.raises(QueryFileError, match=r"queries.sql of a.room: no query 'third'"):
        Queries("a.room", TEXT)["third"]
    with pytest.raises(QueryFileError, match=r"hub\.web: "):
        Queries.of("hub.web")


def names_in(tree: ast.Module) -> set[str]:
    """Every text in a module that could name a query."""
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def bound_to(tree: ast.Module, package: str) -> set[str]:
    """What a module calls the queries of a package."""
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == f"Queries.of({package!r})"
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def takes_all(tree: ast.Module, package: str) -> bool:
    """Whether a module hands out every query there is, as facts of one kind."""
    return "FACTS" in bound_to(tree, package)


def subscripts(tree: ast.Module, names: set[str]) -> set[str]:
    return {
        node.slice.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id in names
        and isinstance(node.slice, ast.Constant)
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.parent.relative_to(ROOM)))
def test_every_query_of_a_room_is_used_and_every_used_one_is_there(file: Path):
    package = "hub." + str(file.parent.relative_to(ROOM)).replace("/", ".")
    there = set(Queries.of(package))
    room = ROOM / file.relative_to(ROOM).parts[0]
    trees = [
        ast.parse(text)
        for module in room.rglob("*.py")
        if f'Queries.of("{package}")' in (text := module.read_text("utf-8"))
    ]
    assert trees
    if not any(takes_all(tree, package) for tree in trees):
        assert there - set().union(*map(names_in, trees)) == set()
    used = [subscripts(tree, bound_to(tree, package)) for tree in trees]
    assert set().union(*used) - there == set()


def test_the_driver_is_known_to_the_database_and_to_repositories_only():
    importing = {
        str(module.relative_to(ROOM))
        for module in ROOM.rglob("*.py")
        if "psycopg" in module.read_text("utf-8")
        and any(
            isinstance(node, ast.Import | ast.ImportFrom)
            and "psycopg" in (ast.unparse(node).split(".")[0].split()[1])
            for node in ast.walk(ast.parse(module.read_text("utf-8")))
        )
    }
    rooms = {name for name in importing if not name.startswith("database/")}
    assert not {name for name in rooms if "_QUERIES" not in (ROOM / name).read_text("utf-8")}
