"""Backups at real targets: rclone's and restic's own, over SFTP; a disk that is full."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from tests.hub.backups.conftest import clock, data, service  # noqa: F401
from tests.support.hub import until
from tests.support.ports import claimed_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = timedelta(days=1)


@contextlib.asynccontextmanager
async def serving(*command: str, port: int):
    """A server of this machine's loopback address, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )

    async def listens() -> bool:
        assert process.returncode is None
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
        return False

    try:
        await until(listens)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@pytest.fixture
def nas(tmp_path: Path, monkeypatch):
    """An SFTP server's folder, address and password; rclone's configuration names it `nas`."""
    folder, port, password = tmp_path / "nas", claimed_port(), secrets.token_hex(8)
    folder.mkdir()
    obscured = subprocess.run(
        ["rclone", "obscure", password], check=True, capture_output=True, text=True
    ).stdout.strip()
    config = tmp_path / "rclone.conf"
    config.write_text(
        f"[nas]\ntype = sftp\nhost = 127.0.0.1\nport = {port}\nuser = hub\npass = {obscured}\n"
        "shell_type = none\nmd5sum_command = none\nsha1sum_command = none\n"
    )
    monkeypatch.setenv("RCLONE_CONFIG", str(config))
    command = [shutil.which("rclone"), "serve", "sftp", str(folder), "--addr", f"127.0.0.1:{port}",
               "--user", "hub", "--pass", password]  # fmt: skip
    return folder, lambda: serving(*command, port=port), password


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


async def test_over_sftp_by_rclone(service, clock, nas, tmp_path):  # noqa: F811
    folder, server, password = nas
    made = service(
        backup_to="rclone:nas:dormouse", backup_daily="2", backup_weekly="0", backup_encrypt="true"
    )
    async with server():
        assert (await made.make()).what == "made", made.state.failure
        assert made.told == ["made", "drill-passed"]
        clock.at += DAY
        await made.make()
    # Away for days: what could not be taken waits, and what is there stays.
    for _ in range(3):
        clock.at += DAY
        assert (await made.make()).what == "failed"
    assert password not in made.state.failure.reason
    assert len(names(folder / "dormouse")) == 2
    assert len(made.state.waiting) == 2
    # What one that was killed half-way had left goes.
    (folder / "dormouse" / f".{names(folder / 'dormouse')[0]}.partial").write_bytes(b"half")
    async with server():
        clock.at += DAY
        assert (await made.make()).what == "made"
        assert [one.number for one in (await made.seen())[0]] == [6, 5, 1]
        assert not [*(folder / "dormouse").glob(".*")]
        assert (await made.drill()).what == "drill-passed"


async def test_by_restic_over_sftp_of_its_own(service, clock, tmp_path, monkeypatch):  # noqa: F811
    repository, password = tmp_path / "repository", tmp_path / "password"
    password.write_text(secrets.token_hex(8))
    monkeypatch.setenv("RESTIC_PASSWORD_FILE", str(password))
    monkeypatch.setenv("RESTIC_CACHE_DIR", str(tmp_path / "cache"))
    made = service(backup_to=f"restic:{repository}", backup_daily="2", backup_weekly="0")
    assert (await made.make()).what == "failed"
    assert "restic" in made.state.failure.reason
    init = ["restic", "-r", str(repository), "init"]
    await asyncio.to_thread(subprocess.run, init, check=True, capture_output=True)
    for _ in range(4):
        clock.at += DAY
        assert (await made.make()).what == "made", made.state.failure
    assert made.told == ["failed", "made", "drill-passed", "made", "made", "made"]
    # The one that was tried, and the last two.
    assert [one.number for one in (await made.seen())[0]] == [5, 4, 2]
    assert (await made.drill()).what == "drill-passed"
    # A lock that a killed one left does not hold up the next for ever.
    killed = await asyncio.create_subprocess_exec(
        "restic", "-r", str(repository), "backup", "--stdin", stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await until(lambda: _any(repository / "locks"))
    killed.kill()
    await killed.wait()
    clock.at += DAY
    assert (await made.make()).what == "made", made.state.failure


async def _any(folder: Path) -> bool:
    return any(folder.iterdir())


async def test_no_secret_is_in_a_process_list(service, nas, monkeypatch, tmp_path):  # noqa: F811
    _, server, password = nas
    seen = tmp_path / "seen"
    programs = tmp_path / "programs"
    programs.mkdir()
    # What anybody on this machine could have read of it.
    for name in ("rclone", "restic"):
        program = programs / name
        program.write_text(
            "#!/bin/sh\n"
            f"tr '\\0' ' ' </proc/$$/cmdline >>{seen}\n"
            f'exec {shutil.which(name)} "$@"\n'
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("RESTIC_PASSWORD", "s3cret-of-restic")
    async with server():
        made = service(tried="", backup_to="rclone:nas:dormouse", backup_encrypt="true")
        assert (await made.make()).what == "made"
    await service(tried="", backup_to="restic:rest:http://hub:s3cret@127.0.0.1:1/x").make()
    told = seen.read_text()
    assert "copyto" in told
    assert "restic" in told
    key = (tmp_path / "data" / "secrets" / "backup.age").read_text().splitlines()[-1]
    for secret in (password, "s3cret", key):
        assert secret not in told


async def test_a_disk_that_is_full(service, clock, tmp_path):  # noqa: F811
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(disk)]
    await asyncio.to_thread(subprocess.run, mount, check=True)
    try:
        made = service(tried="", backup_to=str(disk), backup_daily="1", backup_weekly="0")
        assert (await made.make()).what == "made"
        [first] = [name for name in names(disk) if name.startswith("dormouse")]
        (disk / "films").write_bytes(bytes(20 << 20))
        clock.at += DAY
        assert (await made.make()).what == "failed"
        assert "space" in made.state.failure.reason
        # The older one is still there, and nothing else.
        assert [name for name in names(disk) if name.endswith(".backup")] == [first]
        assert not [name for name in names(disk) if name.endswith(".partial")]
        (disk / "films").unlink()
        assert (await made.make()).what == "made"
        assert len([name for name in names(disk) if name.startswith("dormouse")]) == 1
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", "--lazy", str(disk)], check=True)
