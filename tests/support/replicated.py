"""Two real Postgres servers, one the other's synchronous standby, that change places."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from hub.runtime.child import Account, run_as, spawn
from tests.support.hub import until
from tests.support.ports import claimed_port
from tests.support.postgres import DEBIAN

__all__ = ["Pair", "replicated"]

_USER, _DATABASE = "landlord", "dormouse"


@dataclass
class _Member:
    data: Path
    port: int
    process: asyncio.subprocess.Process | None = None


@dataclass
class Pair:
    """Servers on loopback; `members[0]` takes writes now, and waits until the other has them."""

    folder: Path
    account: Account | None
    members: list[_Member] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Both, of which the one is meant that takes writes."""
        hosts = ",".join(
            f"127.0.0.1:{one.port}" for one in sorted(self.members, key=lambda m: m.port)
        )
        return f"postgresql://{_USER}@{hosts}/{_DATABASE}?target_session_attrs=read-write"

    @property
    def standby_url(self) -> str:
        """The one that takes no writes."""
        return self.url_of(self.members[1])

    @property
    def primary_url(self) -> str:
        """The one that takes writes, by itself."""
        return self.url_of(self.members[0])

    @staticmethod
    def url_of(member: _Member) -> str:
        return f"postgresql://{_USER}@127.0.0.1:{member.port}/{_DATABASE}"

    async def pause_replay(self) -> None:
        """The standby confirms what it gets, and shows nothing of it from now on."""
        await self._ask(self.members[1], "SELECT pg_wal_replay_pause()")
        state = "SELECT pg_get_wal_replay_pause_state()"

        async def paused() -> bool:
            return await self._ask(self.members[1], state) == "paused"

        await until(paused)

    async def resume_replay(self) -> None:
        """It shows all that it has."""
        await self._ask(self.members[1], "SELECT pg_wal_replay_resume()")

    async def kill_standby(self) -> None:
        """SIGKILL of the standby; the primary waits for it no longer."""
        await self._kill(self.members[1])
        await self._ask(self.members[0], "ALTER SYSTEM SET synchronous_standby_names = ''")
        await self._ask(self.members[0], "SELECT pg_reload_conf()")

    async def start(self) -> None:
        self.members = [_Member(self.folder / name, claimed_port()) for name in ("one", "two")]
        first, second = self.members
        await self._run("initdb", "-D", first.data, "-U", _USER, "--auth", "trust", "--no-sync")
        (first.data / "postgresql.auto.conf").write_text(
            "wal_level = replica\nmax_connections = 60\nshared_buffers = '32MB'\nfsync = off\n"
            f"unix_socket_directories = '{self.folder}'\nmax_slot_wal_keep_size = '200MB'\n"
        )
        await self._serve(first)
        await self._ask(first, f"CREATE DATABASE {_DATABASE}", dbname="postgres")
        await self._follow(second)

    async def stop(self) -> None:
        for one in self.members:
            await self._kill(one)

    async def fail_over(self) -> None:
        """SIGKILL of the one that takes writes; the other does from then on, followed by it."""
        former, standby = self.members
        await self._kill(former)
        # What its standby does not confirm, nobody would see: none is waited for until it is back.
        await self._run("pg_ctl", "promote", "-w", "-D", standby.data)
        await self._ask(standby, "ALTER SYSTEM SET synchronous_standby_names = ''")
        await self._ask(standby, "SELECT pg_reload_conf()")
        self.members = [standby, former]

    async def rejoin(self) -> None:
        """The one that failed comes back, copied anew, as the other's standby."""
        await self._run("rm", "-rf", self.members[1].data)
        await self._follow(self.members[1])

    async def switch_over(self) -> None:
        """Places changed on purpose: the writer is stopped, the standby has all it wrote."""
        former, _ = self.members
        assert former.process is not None
        former.process.send_signal(signal.SIGINT)
        await former.process.wait()
        await self.fail_over()

    async def rows(self, query: str, tenant: int) -> list[tuple]:
        """What the one that takes writes answers, as a tenant."""
        async with await psycopg.AsyncConnection.connect(self.url) as conn:
            await conn.execute("SELECT set_config('dormouse.tenant', %s, true)", [str(tenant)])
            return await (await conn.execute(query)).fetchall()

    async def _follow(self, standby: _Member) -> None:
        primary = self.members[0] if self.members[1] is standby else self.members[1]
        await self._run(
            "pg_basebackup", "-D", standby.data, "-h", "127.0.0.1", "-p", str(primary.port),
            "-U", _USER, "-R", "-c", "fast", "-X", "stream", "--no-sync",
        )  # fmt: skip
        await self._serve(standby)

        async def is_followed() -> bool:
            query = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
            return (await self._ask(primary, query)) == 1

        await until(is_followed)
        await self._ask(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        await self._ask(primary, "SELECT pg_reload_conf()")

    async def _serve(self, member: _Member) -> None:
        member.process = await spawn(
            [DEBIAN / "postgres", "-D", member.data, "-p", str(member.port), "-h", "127.0.0.1"],
            account=self.account,
            death_signal=signal.SIGQUIT,
            cwd=self.folder,
            output=asyncio.subprocess.DEVNULL,
        )

        async def answers() -> bool:
            try:
                return await self._ask(member, "SELECT 1", dbname="postgres") == 1
            except psycopg.OperationalError:
                return False

        await until(answers)

    async def _ask(self, member: _Member, query: str, *, dbname: str = _DATABASE) -> object:
        conninfo = f"host=127.0.0.1 port={member.port} user={_USER} dbname={dbname}"
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as conn:
            cursor = await conn.execute(query)
            row = await cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    async def _kill(self, member: _Member) -> None:
        if member.process is not None and member.process.returncode is None:
            member.process.kill()
            await member.process.wait()

    async def _run(self, program: str, *arguments: str | Path) -> None:
        command = [DEBIAN / program if (DEBIAN / program).exists() else program, *arguments]
        child = await spawn(command, account=self.account, cwd=self.folder)
        output, _ = await child.communicate()
        if child.returncode:
            raise subprocess.SubprocessError(f"{program}: {output.decode(errors='replace')}")


@asynccontextmanager
async def replicated(folder: Path) -> AsyncIterator[Pair]:
    """Both running."""
    pair = Pair(folder, run_as("nobody"))
    try:
        await pair.start()
        yield pair
    finally:
        await pair.stop()
