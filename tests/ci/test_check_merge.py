from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hub import ROOT

COMMAND = [sys.executable, ROOT / ".ci/check_merge.py"]
ALONE = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{f"GIT_{who}_NAME": "ann" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "ann@example.org" for who in ("AUTHOR", "COMMITTER")},
}


class Repository:
    """A repository with main and a branch `work` that has one commit more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commit("base", shared="1\n2\n3\n4\n5\n", other="other\n")
        self.git("checkout", "-q", "-b", "work")
        self.commit("work", shared="one\n2\n3\n4\n5\n")

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=ALONE,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def commit(self, message: str, **files: str) -> None:
        for name, text in files.items():
            (self.folder / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def on_main(self, **files: str) -> None:
        self.git("checkout", "-q", "main")
        self.commit("main goes on", **files)
        self.git("checkout", "-q", "work")

    def check(self, *command: str) -> tuple[int, str]:
        done = subprocess.run(
            [*COMMAND, *command], cwd=self.folder, env=ALONE, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "r")


def test_the_merge_is_what_is_tested_and_nothing_else_changes(repository: Repository):
    repository.on_main(shared="1\n2\n3\n4\nfive\n")
    before = repository.git("show-ref"), repository.git("status", "--porcelain")
    status, said = repository.check("cat", "shared")
    assert status == 0, said
    assert "one\n2\n3\n4\nfive\n" in said
    assert "work after merging into main: passed" in said
    status, said = repository.check("false")
    assert (status, "failed, exit status 1" in said) == (1, True)
    assert (repository.git("show-ref"), repository.git("status", "--porcelain")) == before
    assert len(repository.git("worktree", "list").splitlines()) == 1


def test_conflicts_are_named_and_nothing_is_run(repository: Repository):
    repository.on_main(shared="eins\n2\n3\n4\n5\n")
    status, said = repository.check("echo", "ran")
    assert status == 1
    assert "work does not merge: 1 files in conflict" in said
    assert "CONFLICT (content): Merge conflict in shared" in said
    assert "other" not in said
    assert "ran" not in said


def test_where_there_is_nothing_to_merge_it_says_so(repository: Repository, tmp_path: Path):
    def says(text: str) -> None:
        status, said = repository.check("false")
        assert (status, text in said) == (0, True), said

    says("main is in work already")
    repository.on_main(other="more\n")
    repository.git("checkout", "-q", "--detach")
    says("HEAD is detached")
    repository.git("checkout", "-q", "main")
    says("this is main itself")
    repository.git("checkout", "-q", "work")
    # A clone of the branch knows main as it was fetched.
    clone = tmp_path / "clone"
    repository.git("clone", "-q", "-b", "work", ".", str(clone))
    here, repository.folder = repository.folder, clone
    assert "work merges into main" in repository.check("true")[1]
    repository.folder = here
    repository.git("branch", "-q", "-D", "main")
    says("there is no branch main here")
