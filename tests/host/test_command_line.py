"""What every command has in common: --json, errors, exit statuses, its list of commands."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from rich.cells import cell_len

from contracts.hub_client import HubRefusedError
from contracts.local_hub import NoHubError
from host import failures
from host.__main__ import run
from host.as_json import add_json
from host.cli import COMMANDS, root
from host.examples import EXAMPLES
from host.terminal import tolerate, wants_ascii

ROOT: Any = typer.main.get_command(root())


def walk(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, *path, name)


LEAVES = {path: one for path, one in walk(ROOT) if not hasattr(one, "commands")}
# Those that do something when they are named alone, as `hub` does, are left out.
GROUPS = [
    path
    for path, one in walk(ROOT)
    if hasattr(one, "commands") and (one.no_args_is_help or not one.invoke_without_command)
]


def test_every_command_has_json():
    def has(command: Any) -> bool:
        return any("--json" in one.opts for one in command.params)

    assert [" ".join(path) for path, one in LEAVES.items() if not has(one)] == []


@pytest.mark.parametrize("group", GROUPS, ids=" ".join)
def test_a_group_alone_lists_its_commands(group, capsys):
    assert run(group) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    its = [path[-1] for path, _ in walk(ROOT) if path and path[:-1] == group]
    assert its
    assert [name for name in its if f" {name} " not in shown.out] == []


def test_help_is_in_the_order_of_the_table(capsys):
    run([])
    shown = capsys.readouterr().out
    places = [shown.index(f"│ {name} ") for name in COMMANDS]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("statsu", "no such command 'statsu'. Did you mean 'status'?"),
        ("rollout lst", "no such command 'lst'. Did you mean 'list'?"),
        ("status --jsno", "no such option: --jsno. Did you mean --json?"),
        ("devices window soon", "invalid value for 'minutes'"),
        ("explain one two", "unexpected extra argument(s) (two)"),
        ("config show", "missing argument 'device'"),
        ("people invite --role king", "invalid value for '--role'"),
    ],
)
def test_what_is_not_understood_is_one_line_that_helps(line, says, capsys):
    assert run(line.split()) == failures.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert says in shown.err
    assert "--help` shows what there is" in shown.err
    assert run([*line.split(), "--json"], as_json=True) == failures.USAGE
    told = json.loads(capsys.readouterr().err)
    assert told["exit_status"] == failures.USAGE
    assert told["status"] == 400
    assert says in told["detail"]


def test_no_hub_is_said_in_json_too(tmp_path, capsys):
    where = ["status", "--data-dir", str(tmp_path), "--json"]
    assert run(where, as_json=True) == NoHubError.exit_status
    shown = capsys.readouterr()
    assert shown.out == ""
    told = json.loads(shown.err)
    assert told.keys() >= {"type", "title", "status", "detail", "faults", "exit_status"}
    assert (told["status"], told["exit_status"]) == (503, 3)
    assert str(tmp_path) in told["detail"]


def test_what_a_hub_refused_is_its_own_document():
    problem = {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "no device"}
    told = json.loads(failures.document("no device", 1, HubRefusedError("no device", problem)))
    assert told == {**problem, "faults": [], "exit_status": 1}


def test_json_is_one_value_whatever_a_command_prints(capsys):
    def speaks(name: str) -> None:
        """Say it."""
        typer.echo(f"{name} is\nthere")
        raise typer.Exit(6)

    with pytest.raises(typer.Exit) as end:
        add_json(speaks)(name="Keller °C", as_json=True)
    assert end.value.exit_code == 6
    assert json.loads(capsys.readouterr().out) == {"message": "Keller °C is\nthere"}


@pytest.mark.parametrize(
    ("encoding", "as_json", "expected"),
    [
        ("ascii", False, "Kuche 20.5 C ?"),
        ("iso-8859-1", False, "Küche 20.5 °C ?"),
        ("ascii", True, "K\\u00fcche 20.5 \\u00b0C \\ud83d\\ude00"),
        ("utf-8", False, "Küche 20.5 °C 😀"),
    ],
)
def test_an_encoding_that_lacks_letters_gets_others(monkeypatch, encoding, as_json, expected):
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding))
    tolerate(as_json=as_json)
    out.write("Küche 20.5 °C 😀")
    out.flush()
    assert written.getvalue().decode(encoding) == expected
    if as_json:
        assert json.loads(f'"{expected}"') == "Küche 20.5 °C 😀"


@pytest.mark.parametrize(
    ("environment", "ascii_"),
    [
        ({"LANG": "C"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),  # as Python names it by itself
        ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, True),
        ({"LC_ALL": "", "LANG": "de_DE.UTF-8"}, False),
        ({"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}, False),
        ({"LANG": "C.UTF-8"}, False),
        ({}, False),
    ],
)
def test_the_locale_c_is_ascii(environment, ascii_):
    assert wants_ascii(environment) == ascii_


def test_a_reader_that_goes_away_is_no_error_of_ours():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "host", "boards"],
        stdout=write, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (failures.UNREAD, "")


def parsed(words: list[str]) -> tuple[str, ...]:
    """The path of the command that understands these words."""
    command, context, path = ROOT, None, ()
    while True:
        made = command.make_context(path[-1] if path else "dormouse", list(words), parent=context)
        if not hasattr(command, "commands"):
            return path
        name, command, words = command.resolve_command(made, [*made._protected_args, *made.args])
        context, path = made, (*path, name)


def test_every_command_has_an_example_that_it_understands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "history.csv").touch()
    shown = {path: one.epilog or "" for path, one in LEAVES.items()}
    examples = {line.removeprefix("Example: dormouse ") for line in shown.values()}
    assert examples == set(EXAMPLES)
    paths = [parsed(shlex.split(example)) for example in EXAMPLES]
    assert sorted(paths) == sorted(LEAVES)


@pytest.mark.parametrize("columns", [40, 80])
def test_help_fits_the_terminal(columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    for line in ([], ["notify", "add", "--help"], ["rollout", "start", "--help"]):
        assert run(line) == 0
    shown = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, shown)) <= columns
    assert "\x1b" not in "".join(shown)


@pytest.mark.parametrize("asked", [False, True])
def test_ctrl_c_is_one_line(asked, monkeypatch, capsys):
    """In the middle of work, and at a question, of which click makes another exception."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    def work() -> None:
        try:
            interrupted()
        except KeyboardInterrupt:
            if asked:
                raise typer.Abort from None
            raise

    app = typer.Typer()
    app.command()(work)
    monkeypatch.setattr("host.__main__.command", lambda _: typer.main.get_command(app))
    assert run([]) == failures.INTERRUPTED
    assert capsys.readouterr() == ("", "dormouse: interrupted\n")
