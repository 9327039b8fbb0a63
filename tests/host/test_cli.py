"""The table of commands says what is there, and each can be had alone."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from host.cli import COMMANDS, root


def names(app: typer.Typer) -> set[str]:
    group = typer.main.get_group(app)
    return set(group.commands)


def test_every_command_is_in_the_table():
    assert names(root()) == set(COMMANDS)
    assert names(root("no such command")) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_is_there_alone(name):
    its = {other for other, module in COMMANDS.items() if module == COMMANDS[name]}
    assert names(root(name)) == its


def test_a_command_does_not_load_what_others_need():
    """A quick answer on a small machine: FastAPI alone takes a second there."""
    program = (
        "import sys; sys.argv = ['dormouse', 'status', '--help']\n"
        "from host.__main__ import main\n"
        "try: main()\n"
        "finally: print(sorted({'fastapi', 'psycopg', 'serial', 'mpremote'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
