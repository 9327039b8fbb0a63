"""Exit statuses, completion and manual page are those of the commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from host import manual
from host.cli import COMMANDS

ROOT = Path(__file__).parents[2]
SHARE = ROOT / "deploy/share"


def test_the_page_has_every_exit_status():
    page = (ROOT / "docs/commands.md").read_text("utf-8")
    assert page.endswith(f"\n\n{manual.status_table()}\n"), "`make manual` writes it anew"


def test_no_number_is_without_words():
    for number, text in manual.exit_statuses().items():
        assert 0 <= number < 256
        assert re.search(r"\w \w", text) or number == 0, number
        assert "|" not in text


def test_completion_is_as_it_is_made():
    there = {str(p.relative_to(SHARE)) for p in SHARE.rglob("*") if p.is_file()}
    assert there == {*manual.COMPLETION, "man/man1/dormouse.1"}
    for name, text in manual.COMPLETION.items():
        assert (SHARE / name).read_text("utf-8") == text


def test_the_manual_page_names_every_command():
    page = (SHARE / "man/man1/dormouse.1").read_text("utf-8").replace("\\-", "-")
    named = set(re.findall(r"^\.(?:B|SS) ([a-z-]+)$", page, re.MULTILINE))
    assert named >= set(COMMANDS), "`make manual` writes it anew"


@pytest.fixture
def path(tmp_path):
    """With `dormouse` from this tree in it."""
    program = tmp_path / "dormouse"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m host "$@"\n')
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize(
    ("words", "expected"),
    [("sta", ["status"]), ("rollout pa", ["pause"]), ("status --js", ["--json"])],
)
def test_bash_completes(path, words, expected):
    script = SHARE / "bash-completion/completions/dormouse"
    count = len(words.split())
    line = (
        f'. "{script}"; COMP_WORDS=(dormouse {words}); COMP_CWORD={count}; '
        '_dormouse_completion dormouse; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", line], env=path, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (done.stdout.split(), done.stderr) == (expected, "")


@pytest.mark.parametrize(
    ("shell", "more"), [("zsh", {}), ("fish", {"_TYPER_COMPLETE_FISH_ACTION": "get-args"})]
)
def test_what_other_shells_are_answered(path, shell, more):
    asked = {"_DORMOUSE_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": "dormouse expl"}
    done = subprocess.run(
        ["dormouse"], env={**path, **asked, **more}, cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert "explain" in done.stdout
    assert "status" not in done.stdout
