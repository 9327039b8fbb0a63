"""Tests a branch as it would be after a merge: `.ci/check_merge.py [--into main] [COMMAND]`.

The merge is made by `git merge-tree` in the object store, and checked out in a worktree of its own:
neither branch nor working tree changes. COMMAND (`make test` otherwise) runs there. Exit status 1
for conflicts, each file named; COMMAND's own otherwise. On the branch itself, on none, or where
there is no such branch, nothing is to be done: that is said, with exit status 0.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_NOBODY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "check-merge"), ("EMAIL", "check-merge@localhost"))
}


def git(*arguments: str, ok: Sequence[int] = (0,)) -> tuple[int, str]:
    """Exit status and output. Ends this program where the status is none of `ok`."""
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, **_NOBODY},
    )  # fmt: skip
    if done.returncode not in ok:
        sys.exit(f"check-merge: git {arguments[0]}: {done.stderr.strip()}")
    return done.returncode, done.stdout.strip()


def known(name: str) -> str | None:
    """The commit of a branch: here, else as it was last fetched."""
    for ref in (f"refs/remotes/origin/{name}", f"refs/heads/{name}"):
        status, commit = git("rev-parse", "-q", "--verify", f"{ref}^{{commit}}", ok=(0, 1))
        if status == 0:
            return commit
    return None


def nothing(why: str) -> int:
    """Say why there is nothing to check."""
    print(f"check-merge: {why}")
    return 0


def merged(into: str, branch: str) -> str | None:
    """The commit that merges HEAD into a commit; None for conflicts, which are named."""
    status, said = git("merge-tree", "--write-tree", "--name-only", into, "HEAD", ok=(0, 1))
    tree, *rest = said.splitlines()
    if status:
        files = rest[: rest.index("")] if "" in rest else rest
        notes = [line for line in rest if line.startswith("CONFLICT")]
        print(f"check-merge: {branch} does not merge: {len(files)} files in conflict")
        for line in notes or files:
            print(f"  {line}")
        return None
    return git("commit-tree", tree, "-p", into, "-p", "HEAD", "-m", f"Merge {branch}")[1]


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", default="main", help="the branch to merge into")
    parser.add_argument("command", nargs="*", default=["make", "test"])
    given = parser.parse_args()
    status, branch = git("symbolic-ref", "-q", "--short", "HEAD", ok=(0, 1))
    if status:
        return nothing("HEAD is detached: there is no branch to merge")
    if branch == given.into:
        return nothing(f"this is {branch} itself: there is nothing to merge")
    into = known(given.into)
    if into is None:
        return nothing(f"there is no branch {given.into} here: nothing to merge into")
    if git("merge-base", "--is-ancestor", into, "HEAD", ok=(0, 1))[0] == 0:
        return nothing(f"{given.into} is in {branch} already: its own tests tell the same")
    commit = merged(into, branch)
    if commit is None:
        return 1
    if git("status", "--porcelain", "--untracked-files=no")[1]:
        print("check-merge: what is not committed is not part of it")
    with tempfile.TemporaryDirectory(prefix="check-merge-") as folder:
        tree = Path(folder) / "tree"
        git("worktree", "add", "--detach", str(tree), commit)
        try:
            print(f"check-merge: {branch} merges into {given.into}; {shlex.join(given.command)}")
            sys.stdout.flush()
            # make's own variables would lead the inner one back to this tree.
            kept = {n: v for n, v in os.environ.items() if not n.startswith(("MAKE", "MFLAGS"))}
            ended = subprocess.run(given.command, cwd=tree, env=kept, check=False).returncode
        finally:
            git("worktree", "remove", "--force", str(tree))
    verdict = "passed" if ended == 0 else f"failed, exit status {ended}"
    print(f"check-merge: {branch} after merging into {given.into}: {verdict}")
    return ended


if __name__ == "__main__":
    sys.exit(main())
