"""A push, brought here: fetched shallow and bounded, never run with anything of ours.

git runs in the sandbox, with no configuration but what stands here. What is too large is refused
while it is fetched (no file of git's may be larger), and before it is checked out.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.hooks.errors import StepFailedError
from hub.hooks.model import HookChain, Submodules
from hub.hooks.sandbox import CommandResult, Sandbox

__all__ = ["Checkout", "GitSource", "known_file", "private_file"]

_FETCHED = "refs/hook/head"
_ONTO = "refs/hook/onto"
# Commits that are fetched more of until both branches have one in common.
_DEEPENED = (50, 500, 5000)
_SETTINGS = (
    "core.hooksPath=/dev/null", "protocol.version=2", "advice.detachedHead=false",
    "gc.auto=0", "maintenance.auto=false", "core.fsmonitor=false", "credential.helper=",
    "http.followRedirects=initial", "user.name=dormouse", "user.email=dormouse@localhost",
    "commit.gpgSign=false", "transfer.fsckObjects=true", "fetch.fsck.zeroPaddedFilemode=ignore",
)  # fmt: skip
_GITLINK = "160000"
_HOST = re.compile(r"[Cc]ould not resolve host(?:name)?:?\s+([^\s:;]+)|unable to look up ([^\s:]+)")
_GONE = re.compile(r"couldn't find remote ref|no such remote ref|not our ref", re.IGNORECASE)
_OVERSIZE = re.compile(r"signal 25|File too large|exceeds maximum allowed size", re.IGNORECASE)
_DENIED = re.compile(
    r"Permission denied|Authentication failed|could not read Username|terminal prompts disabled",
    re.IGNORECASE,
)
_UNKNOWN_HOST = re.compile(r"Host key verification failed|no \S+ host key is known", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Checkout:
    """What was checked out: a commit of the branch, and what to say of it."""

    commit: str
    text: str


class GitSource:
    """One run's repository, in the sandbox's work folder. Everything raises StepFailedError."""

    def __init__(self, sandbox: Sandbox, repository: str, branch: str, chain: HookChain) -> None:
        self._sandbox, self._repository, self._chain = sandbox, repository, chain
        self._branch = branch
        self._until = 0.0

    async def fetch(self, timeout_s: float) -> Checkout:
        """The head of the branch, checked out."""
        branch = self._branch
        self._until = time.monotonic() + timeout_s
        with _SshFiles(self._sandbox, self._chain) as env:
            await self._git(["init", "-q", "--initial-branch=hook", "."], "cannot begin", {})
            await self._fetch(branch, _FETCHED, ["--depth=1"], env)
            commit = await self._line(["rev-parse", f"{_FETCHED}^{{commit}}"])
            links = await self._admitted(commit)
            await self._git(
                ["checkout", "-q", "--force", "--detach", commit], "cannot be checked out", {}
            )
            if links and self._chain.submodules is Submodules.FETCH:
                await self._git(
                    ["submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"],
                    "a submodule cannot be fetched", env,
                )  # fmt: skip
        return Checkout(commit, f"{branch} at {commit[:12]}")

    async def merge(self, onto: str, timeout_s: float) -> Checkout:
        """What was fetched, merged into another branch's head and checked out."""
        self._until = time.monotonic() + timeout_s
        with _SshFiles(self._sandbox, self._chain) as env:
            await self._fetch(onto, _ONTO, ["--depth=1"], env)
            await self._until_related(onto, env)
        commit = await self._line(["rev-parse", f"{_FETCHED}^{{commit}}"])
        merged = await self._run(
            ["merge-tree", "--write-tree", "--name-only", "--no-messages", _ONTO, _FETCHED]
        )
        if merged.status == 1:
            names = ", ".join(dict.fromkeys(merged.lines[1:]))[:300]
            raise StepFailedError(f"it does not merge into {onto}: conflicts in {names}")
        self._check(merged, f"cannot be merged into {onto}")
        tree = merged.lines[0]
        made = await self._line(
            ["commit-tree", tree, "-p", _ONTO, "-p", _FETCHED, "-m", f"Merge into {onto}"]
        )
        await self._admitted(made)
        await self._git(
            ["checkout", "-q", "--force", "--detach", made], "cannot be checked out", {}
        )
        return Checkout(commit, f"it merges into {onto}; what follows is done on the merge")

    async def _admitted(self, commit: str) -> list[str]:
        """The paths of its submodules, where it may be checked out."""
        links, size = await self._entries(commit)
        if size > self._chain.max_mb << 20:
            raise StepFailedError(
                f"the repository is too large: {size >> 20} MB checked out, "
                f"{self._chain.max_mb} MB at most (--max-mb)"
            )
        if links and self._chain.submodules is Submodules.REFUSE:
            raise StepFailedError(
                f"submodules are not fetched ({links[0]}): allow them (--submodules fetch), "
                "or leave them out (--submodules leave)"
            )
        return links

    async def _until_related(self, onto: str, env: dict[str, str]) -> None:
        for more in (*_DEEPENED, 0):
            base = await self._run(["merge-base", _ONTO, _FETCHED])
            if base.status == 0:
                return
            depth = [f"--deepen={more}"] if more else ["--unshallow"]
            shallow = await self._line(["rev-parse", "--is-shallow-repository"])
            if shallow != "true":
                break
            refs = [f"+refs/heads/{self._branch}:{_FETCHED}", f"+refs/heads/{onto}:{_ONTO}"]
            await self._git(
                ["fetch", "-q", "--no-tags", "--no-recurse-submodules", *depth,
                 self._repository, *refs], "its history cannot be fetched", env,
            )  # fmt: skip
        if (await self._run(["merge-base", _ONTO, _FETCHED])).status != 0:
            raise StepFailedError(f"it has no commit in common with {onto}")

    async def _fetch(
        self, branch: str, ref: str, depth: Sequence[str], env: dict[str, str]
    ) -> None:
        done = await self._run(
            ["fetch", "-q", "--no-tags", "--no-recurse-submodules", *depth, self._repository,
             f"+refs/heads/{branch}:{ref}"], env,
        )  # fmt: skip
        if done.status != 0 and _GONE.search(done.tail):
            raise StepFailedError(f"branch {branch} is not there: nothing is done")
        self._check(done, "cannot be fetched")

    async def _entries(self, commit: str) -> tuple[list[str], int]:
        """Paths of submodules, and how many bytes a checkout has."""
        links: list[str] = []
        size = 0

        def entry(line: str) -> None:
            nonlocal size
            what, _, path = line.partition("\t")
            mode, *_, length = what.split()
            if mode == _GITLINK:
                links.append(path)
            elif length.isdecimal():
                size += int(length)

        listed = await self._sandbox.run(
            ["git", *_configured(), "ls-tree", "-r", "-l", "--full-tree", commit],
            timeout_s=self._left(), env=_GIT_ENV, seen=entry,
        )  # fmt: skip
        self._check(listed, "cannot be read")
        return links, size

    async def _line(self, words: Sequence[str]) -> str:
        done = await self._run(words)
        self._check(done, f"git {words[0]} failed")
        return done.last.strip()

    async def _git(self, words: Sequence[str], failed: str, env: dict[str, str]) -> None:
        self._check(await self._run(words, env), failed)

    async def _run(self, words: Sequence[str], env: dict[str, str] | None = None) -> CommandResult:
        return await self._sandbox.run(
            ["git", *_configured(), *words], timeout_s=self._left(), fsize_mb=self._chain.max_mb,
            env={**_GIT_ENV, **(env or {})}, network=True, keep=2000,
        )  # fmt: skip

    def _left(self) -> float:
        return max(self._until - time.monotonic(), 0.1)

    def _check(self, done: CommandResult, failed: str) -> None:
        """Raise with what went wrong in our words, as far as we know it."""
        if done.late:
            raise StepFailedError("took longer than it may", _short(done))
        if done.status == 0:
            return
        tail = done.tail
        host = _HOST.search(tail)
        if host:
            raise StepFailedError(f"the name {host[1] or host[2]} does not resolve", _short(done))
        if _OVERSIZE.search(tail) or done.status == -25:
            raise StepFailedError(
                f"the repository is too large: more than {self._chain.max_mb} MB (--max-mb)"
            )
        if _UNKNOWN_HOST.search(tail):
            raise StepFailedError(
                "the host's key is not among the known ones (--known-hosts; ssh-keyscan makes "
                "lines to compare with what the host publishes)", _short(done),
            )  # fmt: skip
        if _DENIED.search(tail):
            raise StepFailedError("the repository's host does not let us in", _short(done))
        raise StepFailedError(f"{failed}: {_last(done)}", _short(done))


_GIT_ENV = {
    "GIT_ALLOW_PROTOCOL": "https:http:ssh:git", "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ASKPASS": "/bin/false", "SSH_ASKPASS": "/bin/false", "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_SSH_COMMAND": "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes",
}  # fmt: skip


def _configured() -> list[str]:
    return [word for setting in _SETTINGS for word in ("-c", setting)]


def _short(done: CommandResult) -> str:
    return "\n".join(done.lines[-30:])


def _last(done: CommandResult) -> str:
    """The complaint itself: its last line is often advice."""
    for line in reversed(done.lines):
        if line.startswith(("fatal:", "error:", "remote: ")):
            return line.partition(":")[2].strip()
    return done.last or f"status {done.status}"


class _SshFiles:
    """While it is entered: the key and known hosts where the sandbox's user can read them."""

    def __init__(self, sandbox: Sandbox, chain: HookChain) -> None:
        self._sandbox, self._chain = sandbox, chain
        self._copies: list[Path] = []

    def __enter__(self) -> dict[str, str]:
        """The environment for git. Raises StepFailedError for files that cannot be used."""
        options = ["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
                   "-o", "ConnectTimeout=20", "-o", "GlobalKnownHostsFile=/dev/null"]  # fmt: skip
        try:
            if self._chain.key:
                copied = self._copy("key", private_file(Path(self._chain.key)))
                options += ["-i", str(copied), "-o", "IdentitiesOnly=yes"]
            hosts = known_file(Path(self._chain.known_hosts)) if self._chain.known_hosts else b""
            options += ["-o", f"UserKnownHostsFile={self._copy('known_hosts', hosts)}"]
        except BaseException:
            self.__exit__()
            raise
        return {"GIT_SSH_COMMAND": shlex.join(["ssh", *options])}

    def __exit__(self, *_: object) -> None:
        for copy in self._copies:
            copy.unlink(missing_ok=True)

    def _copy(self, name: str, data: bytes) -> Path:
        path = self._sandbox.folder / "home" / f".hook-{name}"
        path.unlink(missing_ok=True)
        self._copies.append(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        self._sandbox.give(path)
        return path


def private_file(path: Path) -> bytes:
    """A private key's file. Raises StepFailedError unless it is its owner's alone (0600)."""
    found = _stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise StepFailedError(f"{path}: no file")
    if found.st_mode & 0o177:
        raise StepFailedError(
            f"{path}: mode {stat.S_IMODE(found.st_mode):04o}, others may read it: chmod 600"
        )
    if found.st_uid not in {os.geteuid(), 0}:
        raise StepFailedError(f"{path}: it belongs to another user than the hub's")
    return _read(path)


def known_file(path: Path) -> bytes:
    """A known_hosts file. Raises StepFailedError where others could change whom we trust."""
    found = _stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise StepFailedError(f"{path}: no file")
    if found.st_mode & 0o022:
        raise StepFailedError(
            f"{path}: mode {stat.S_IMODE(found.st_mode):04o}, others may change it: chmod 644"
        )
    return _read(path)


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise StepFailedError(f"{path}: {error.strerror}") from None


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StepFailedError(f"{path}: {error.strerror}") from None
    if len(data) > 1 << 20:
        raise StepFailedError(f"{path}: larger than any such file")
    return data
