"""A hook's repository behind ssh: OpenSSH's own server, a key of its own, hosts that are known."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hub.hooks.errors import StepFailedError
from hub.hooks.git import GitSource
from hub.hooks.model import HookChain, SandboxLimits
from hub.hooks.sandbox import Sandbox, sandbox_user
from tests.deploy.test_backup_targets import serving
from tests.support.broker import open_folder
from tests.support.git_host import git
from tests.support.ports import claimed_port

USER = 20124
# A user of the server's alone, in its own view of the system: nothing of this machine changes.
SSHD = """
mount -t tmpfs tmpfs /run && mkdir /run/sshd
for name in passwd shadow; do mount --bind "$1/$name" "/etc/$name"; done
exec /usr/sbin/sshd -D -e -f "$1/sshd_config"
"""


def run(*words: object) -> None:
    subprocess.run([*map(str, words)], check=True, capture_output=True, timeout=60)


def repository(place: Path) -> str:
    """One with a commit, of the server's user; the commit."""
    bare, copy = place / "r.git", place / "copy"
    run("git", "init", "-q", "--bare", "--initial-branch=main", bare)
    run("git", "init", "-q", "--initial-branch=main", copy)
    (copy / "VERSION").write_text("1\n")
    git(copy, "add", "-A")
    git(copy, "commit", "-q", "-m", "one")
    git(copy, "push", "-q", bare, "HEAD:refs/heads/main")
    run("chown", "-R", f"{USER}:{USER}", bare)
    return git(copy, "rev-parse", "HEAD").strip()


def configure(place: Path, port: int) -> None:
    for name in ("host", "hub", "other"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / name)
    shell = f"git:x:{USER}:{USER}::{place}:/usr/bin/git-shell"
    for name, line in (("passwd", shell), ("shadow", "git:*:20000:0:99999:7:::")):
        (place / name).write_text(f"{Path('/etc', name).read_text()}{line}\n")
    (place / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host\nPidFile none\n"
        f"AuthorizedKeysFile {place}/hub.pub\nStrictModes no\nUsePAM no\nAllowUsers git\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
    )
    (place / "known_hosts").write_text(f"[127.0.0.1]:{port} {(place / 'host.pub').read_text()}")


async def test_a_repository_by_ssh_with_a_key_of_its_own(short_tmp):
    with open_folder() as place:
        port = claimed_port()
        commit = repository(place)
        configure(place, port)
        sandbox = Sandbox(
            short_tmp / "scratch", sandbox_user("daemon", "nobody"), SandboxLimits(), 63_002
        )
        short_tmp.chmod(0o711)

        async def fetched(key: str = "hub", known: str = "known_hosts") -> str:
            sandbox.make()
            chain = HookChain(
                key=str(place / key) if key else "",
                known_hosts=str(place / known) if known else "",
            )
            url = f"ssh://git@127.0.0.1:{port}{place}/r.git"
            return (await GitSource(sandbox, url, "main", chain).fetch(60)).commit

        async def refused(**given: str) -> str:
            with pytest.raises(StepFailedError) as caught:
                await fetched(**given)
            assert "\n" not in caught.value.reason
            return caught.value.reason

        async with serving("unshare", "--mount", "sh", "-ec", SSHD, "sshd", str(place), port=port):
            assert await fetched() == commit
            # Neither the key nor what is known of hosts is left for a command to read.
            assert not list((sandbox.folder / "home").iterdir())
            # A key that the server does not know, and none at all.
            closed = "the repository's host does not let us in"
            assert await refused(key="other") == closed
            assert await refused(key="") == closed
            # A server that is not the one that is known, and where none is known.
            (place / "wrong").write_text(f"[127.0.0.1]:{port} {(place / 'other.pub').read_text()}")
            for known in ("wrong", ""):
                assert "the host's key is not among the known ones" in await refused(known=known)
            # Files that others could read, or change.
            (place / "hub").chmod(0o640)
            assert "mode 0640, others may read it: chmod 600" in await refused()
            (place / "hub").chmod(0o600)
            (place / "known_hosts").chmod(0o666)
            assert "mode 0666, others may change it: chmod 644" in await refused()
            (place / "known_hosts").chmod(0o644)
            os.chown(place / "hub", USER, USER)
            assert "it belongs to another user than the hub's" in await refused()
            os.chown(place / "hub", 0, 0)
            assert await fetched() == commit
        assert "cannot be fetched: " in await refused()
        sandbox.remove()
