"""The examples work as they stand, each in an empty database."""

from __future__ import annotations

import pytest

from examples import friends, schools, shifts
from hub.database.postgres import OWNER


@pytest.fixture
async def empty(server):
    found = server.database("example")
    await server._execute("CREATE DATABASE {} OWNER {}", found.name, OWNER)
    yield found
    await server.drop(found.name)


def test_a_friend_moves(empty, capsys):
    friends.run(empty.owner_url)
    assert capsys.readouterr().out == "[1,2) New York\n[2,) San Francisco\n"


def test_schools_do_not_see_each_other(empty, capsys):
    schools.run(empty.owner_url, empty.app_url)
    assert capsys.readouterr().out.count("row-level security policy") == 3


def test_shifts_lie_in_employment_periods_in_thirteen_forms(empty, capsys):
    shifts.run(empty.owner_url)
    assert len(capsys.readouterr().out.splitlines()) == 15
