"""A real hub as a process of its own: started, killed, started again on the same data folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from hub.database.postgres import Postgres
from tests.support.forked import Forked
from tests.support.ports import claimed_port

ROOT = Path(__file__).resolve().parents[2]
# No TLS on the loopback address: httpx would read the internet's authorities for each client, which
# takes 16 ms of a processor.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# A home's further bridges take the ports after the first one's.
_BRIDGES = 5
START_S = 120  # initdb on a busy two-core machine is the slowest part


class HubProcess:
    """`dormouse hub` on free ports of the loopback address, the same ones at each start.

    `forked`: see tests/support/forked.py. Who measures its memory or its start wants it False.
    `kept`: it may update itself, so the hub is a child of the process. `within` is a command that
    runs another: `ip netns exec NAME`; `tree` another version's sources.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        forked: bool = True,
        kept: bool = False,
        within: Sequence[str] = (),
        tree: Path = ROOT,
        **settings: str,
    ) -> None:
        self.data_dir = data_dir
        self._tree, self._within = tree, within
        self._kept = kept
        self._forked = forked and not kept and not within and tree == ROOT
        self.log = data_dir.with_name(data_dir.name + ".log")
        self._settings = {
            "HOST": "127.0.0.1",
            **{f"{what}_PORT": str(claimed_port()) for what in ("HTTP", "MQTT", "MQTTS", "ENROL")},
            "HAP_PORT": str(claimed_port(following=_BRIDGES)),
            # Nothing of a test is to leave this machine.
            "OTA_BROADCAST": "",
            **({"SELF_UPDATE": "true"} if kept else {}),
            **settings,
        }
        self.process: asyncio.subprocess.Process | Forked | None = None
        self.facts: dict[str, Any] = {}

    async def start(self) -> None:
        """Start and wait until hub.json is there."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
        environment |= {f"DORMOUSE_{k}": v for k, v in self._settings.items()}
        environment |= {"DORMOUSE_DATA_DIR": str(self.data_dir), "PYTHONPATH": str(self._tree)}
        (self.data_dir / "hub.json").unlink(missing_ok=True)
        if self._forked:
            self.process = Forked(["hub"], environment, ROOT, self.log)
        else:
            with self.log.open("ab") as log:
                self.process = await asyncio.create_subprocess_exec(
                    *self._within, sys.executable, "-m", "host", "hub",
                    stdout=log, stderr=log, env=environment, cwd=self._tree,
                )  # fmt: skip
        await self._started()

    async def _started(self) -> None:
        assert self.process is not None
        async with asyncio.timeout(START_S):
            while not self._read_facts():
                if self.process.returncode is not None:
                    raise AssertionError(f"the hub ended at its start:\n{self.log.read_text()}")
                await asyncio.sleep(0.02)

    def _read_facts(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            self.facts = json.loads((self.data_dir / "hub.json").read_text())
            return self._kept or self.facts["pid"] == (self.process.pid if self.process else None)
        return False

    async def stop(self, limit_s: float = 90) -> int:
        """End it as Ctrl-C does; its exit status."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(limit_s):
            return await self.process.wait()

    async def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    async def status(self) -> dict[str, Any]:
        """The hub's /api/status."""
        return await self.ask("GET", "/status")

    def operator(self) -> httpx.AsyncClient:
        """A client of the API on the private socket, as the command line is; to be closed."""
        transport = httpx.AsyncHTTPTransport(uds=str(self.data_dir / "hub.sock"), verify=PLAIN)
        return httpx.AsyncClient(transport=transport, base_url="http://hub/api", timeout=30)

    async def ask(self, method: str, path: str, **request: Any) -> Any:
        """What the API answers an operator; None where it has nothing to say."""
        async with self.operator() as client:
            answer = (await client.request(method, path, **request)).raise_for_status()
        return answer.json() if answer.content else None

    async def command(self, *arguments: str, env: dict[str, str]) -> tuple[int, str]:
        """Run `dormouse` with arguments; its exit status and what it printed."""
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "output"
            process = Forked(arguments, {**env, "PYTHONPATH": str(ROOT)}, ROOT, output)
            status = await process.wait()
            return status, output.read_text()

    async def value(self, device: str, characteristic: str) -> Any:
        """The device's last value of a characteristic in the hub, None while there is none."""
        for entry in (await self.status())["devices"]:
            if entry["id"] == device:
                for value in entry["values"]:
                    if value["characteristic"] == characteristic:
                        return value["value"]
        return None


async def until(probe, limit_s: float = 60, every_s: float = 0.05):
    """Await `probe()` (a coroutine function) until it gives something true; that."""
    async with asyncio.timeout(limit_s):
        while not (found := await probe()):
            await asyncio.sleep(every_s)
        return found


async def rows(
    hub: HubProcess, query: str, *parameters: object, tenant: str | None = None
) -> list[tuple[Any, ...]]:
    """Ask the hub's own database, as the application role and the hub's tenant, or another.

    One that was killed or has just been started is waited for.
    """
    postgres = Postgres(hub.data_dir / "postgres")

    async def connected() -> psycopg.AsyncConnection | None:
        with contextlib.suppress(psycopg.OperationalError):
            return await psycopg.AsyncConnection.connect(postgres.app_url)
        return None

    async with await until(connected, limit_s=START_S) as connection:
        await connection.execute(
            "SELECT set_config('dormouse.tenant', dormouse.tenant_id(%s)::text, true)",
            [tenant or hub.facts["tenant"]],
        )
        return await (await connection.execute(query, parameters)).fetchall()


async def _started(process: HubProcess) -> None:
    """Start it; one that is not up in time ends, since a run of tests waits for its children."""
    try:
        await process.start()
    except BaseException:
        await process.kill()
        raise


@pytest.fixture(scope="session")
def empty_hub(once):
    """The data folder of a hub that was started and stopped once: tests copy it, which is quicker
    than making a database each time."""

    async def make(folder: Path) -> None:
        folder.mkdir(mode=0o755)
        process = HubProcess(folder / "data")
        await _started(process)
        # Its processes are killed in tests, the machine is not: nothing need be on the disk.
        async with await psycopg.AsyncConnection.connect(
            Postgres(process.data_dir / "postgres").admin_url, autocommit=True
        ) as connection:
            await connection.execute("ALTER SYSTEM SET fsync = off")
        assert await process.stop() == 0

    return once.make("hub", lambda folder: asyncio.run(make(folder))) / "data"


@pytest.fixture
async def hub(request, short_tmp, empty_hub):
    """A running hub that has heard of no device; settings by indirect parametrization."""
    await asyncio.to_thread(subprocess.run, ["cp", "-a", empty_hub, short_tmp / "data"], check=True)
    process = HubProcess(short_tmp / "data", **getattr(request, "param", {}))
    await _started(process)
    try:
        yield process
    finally:
        if process.process is not None and process.process.returncode is None:
            try:
                await process.stop()
            except TimeoutError:
                await process.kill()
                raise
