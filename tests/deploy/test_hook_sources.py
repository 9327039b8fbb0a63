"""What repositories can be like: gone, forced, too large, with submodules, behind a wrong key."""

from __future__ import annotations

import random
import shutil

import pytest

from hub.hooks.errors import StepFailedError
from hub.hooks.git import GitSource, known_file, private_file
from hub.hooks.model import HookChain, SandboxLimits, Submodules
from hub.hooks.sandbox import Sandbox, sandbox_user
from tests.support.git_host import git, git_host


@pytest.fixture
def host(short_tmp):
    short_tmp.chmod(0o711)
    with git_host(short_tmp / "git") as found:
        yield found


@pytest.fixture
def sandbox(short_tmp):
    made = Sandbox(short_tmp / "scratch", sandbox_user("daemon", "nobody"), SandboxLimits(), 63_001)
    yield made
    made.remove()


@pytest.fixture
def fetched(host, sandbox):
    """`await fetched("r", branch, **chain)`: the checkout, and merged where the chain says so."""

    async def fetch(name, branch="main", *, url=None, **chain):
        sandbox.make()
        given = HookChain(**chain)
        source = GitSource(sandbox, url or f"{host.url}/{name}.git", branch, given)
        found = await source.fetch(60)
        return await source.merge(given.merge_into, 60) if given.merge_into else found

    return fetch


async def refused(attempt):
    with pytest.raises(StepFailedError) as caught:
        await attempt
    assert "\n" not in caught.value.reason
    return caught.value.reason


async def test_branches_that_move_vanish_and_do_not_merge(host, fetched, sandbox):
    copy = host.make("r")
    first = host.push(copy, {"a": "1\n", "b": "1\n"})
    assert (await fetched("r")).commit == first
    git(copy, "checkout", "-q", "-b", "work")
    work = host.push(copy, {"c": "3\n"}, "work")
    git(copy, "checkout", "-q", "main")
    host.push(copy, {"a": "2\n"})
    merged = await fetched("r", "work", merge_into="main")
    assert merged.commit == work
    found = {path.name: path.read_text() for path in sandbox.work.glob("?")}
    assert found == {"a": "2\n", "b": "1\n", "c": "3\n"}
    git(copy, "checkout", "-q", "work")
    host.push(copy, {"a": "other\n"}, "work")
    said = await refused(fetched("r", "work", merge_into="main"))
    assert said == "it does not merge into main: conflicts in a"
    # By force: what it was is not behind it.
    git(copy, "reset", "-q", "--hard", first)
    forced = host.push(copy, {"d": "4\n"}, "work", "--force")
    assert (await fetched("r", "work")).commit == forced
    git(copy, "push", "-q", "origin", ":work")
    assert "branch work is not there" in await refused(fetched("r", "work"))
    assert "branch gone is not there" in await refused(fetched("r", merge_into="gone"))
    git(copy, "checkout", "-q", "--orphan", "lone")
    host.push(copy, {"z": "1"}, "lone")
    said = await refused(fetched("r", "lone", merge_into="main"))
    assert said == "it has no commit in common with main"


async def test_what_is_too_large_is_refused_while_it_comes_and_before_it_is_there(
    host, fetched, sandbox
):
    copy = host.make("large")
    (copy / "noise").write_bytes(random.Random(1).randbytes(3 << 20))
    host.push(copy, {})
    said = await refused(fetched("large", max_mb=1))
    assert said == "the repository is too large: more than 1 MB (--max-mb)"
    assert (await fetched("large", max_mb=4)).commit
    # A gigabyte when it is checked out: one blob under a thousand names.
    many = host.make("many")
    blob = git(copy, "rev-parse", "HEAD:noise").strip()
    shutil.copytree(copy / ".git" / "objects", many / ".git" / "objects", dirs_exist_ok=True)
    names = (word for n in range(342) for word in ("--cacheinfo", f"100644,{blob},{n}"))
    git(many, "update-index", "--add", *names)
    git(many, "commit", "-q", "-m", "many")
    git(many, "push", "-q", "origin", "HEAD:refs/heads/main")
    said = await refused(fetched("many"))
    assert said == "the repository is too large: 1026 MB checked out, 200 MB at most (--max-mb)"
    assert [path.name for path in sandbox.work.iterdir()] == [".git"]


async def test_submodules_are_refused_left_or_fetched(host, fetched, sandbox):
    inner = host.make("inner")
    host.push(inner, {"i": "in\n"})
    copy = host.make("outer")
    git(copy, "submodule", "--quiet", "add", f"{host.url}/inner.git", "sub")
    host.push(copy, {})
    assert "submodules are not fetched (sub)" in await refused(fetched("outer"))
    await fetched("outer", submodules=Submodules.LEAVE)
    assert not (sandbox.work / "sub" / "i").exists()
    await fetched("outer", submodules=Submodules.FETCH)
    assert (sandbox.work / "sub" / "i").read_text() == "in\n"
    # One that names this machine's files is none.
    git(copy, "config", "-f", ".gitmodules", "submodule.sub.url", f"file://{host.folder}/inner.git")
    host.push(copy, {})
    said = await refused(fetched("outer", submodules=Submodules.FETCH))
    assert "a submodule cannot be fetched" in said


async def test_names_keys_and_hosts_that_are_none(fetched, tmp_path):
    for url in ("https://nowhere.invalid/r", "git@nowhere.invalid:r", "git://nowhere.invalid/r"):
        assert await refused(fetched("", url=url)) == "the name nowhere.invalid does not resolve"
    key, hosts = tmp_path / "key", tmp_path / "known_hosts"
    assert "No such file" in await refused(fetched("", url="git@h.invalid:r", key=str(key)))
    for file, wrong, read in ((key, 0o640, private_file), (key, 0o700, private_file),
                              (hosts, 0o666, known_file)):  # fmt: skip
        file.write_text("x")
        file.chmod(wrong)
        with pytest.raises(StepFailedError, match=f"mode {wrong:04o}"):
            read(file)
    key.chmod(0o600)
    assert private_file(key) == b"x"


async def test_commands_are_nobodys_and_end_with_their_step(sandbox):
    sandbox.make()
    done = await sandbox.run(["sh", "-c", "echo out; exit 3"], timeout_s=60)
    assert (done.status, done.lines) == (3, ("out",))
    late = await sandbox.run(["sh", "-c", "setsid sleep 4000 & sleep 4001"], timeout_s=0.5)
    assert late.late
    seen = await sandbox.run(["sh", "-c", "id -u; ps -eo args; env; cat /etc/shadow"], timeout_s=60)
    assert seen.lines[0] != "0"
    assert not any("sleep 400" in line or "DORMOUSE" in line for line in seen.lines)
    assert "Permission denied" in seen.last
    (sandbox.work / "theirs").write_text("x")
    sandbox.give(sandbox.work / "theirs")
    (sandbox.work / "theirs").chmod(0o600)
    own = await sandbox.run(["sh", "-c", "id -u; cat theirs"], timeout_s=60, own=True)
    if sandbox.user is not None:
        # Another run's files are another's, until they are handed over.
        assert (own.lines[0], own.status) == ("63001", 1)
        sandbox.hand_over()
        assert (await sandbox.run(["cat", "theirs"], timeout_s=60, own=True)).lines == ("x",)
        sandbox.make()
    alone = Sandbox(sandbox.folder, sandbox.user, SandboxLimits(network=False, file_mb=1))
    links = await alone.run(["cat", "/proc/net/dev"], timeout_s=60)
    assert [line.split(":")[0].strip() for line in links.lines if ":" in line] == ["lo"]
    full = await alone.run(["sh", "-c", "head -c 2000000 /dev/zero > big"], timeout_s=60)
    assert full.status != 0
    assert (alone.work / "big").stat().st_size <= 1 << 20
