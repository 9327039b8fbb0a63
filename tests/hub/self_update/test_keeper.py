"""The keeper with versions in little: what stays, what is gone back from, killed at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from contracts.resources import release
from hub.self_update.model import UpdatePhase, UpdateState, WantedUpdate
from hub.self_update.versions import Versions
from tests.support import seeds
from tests.support.hub import ROOT, until

KILLS = int(os.environ.get("KEEPER_KILLS", "4"))
WATCH_S = 0.4


class Keep:
    """A folder with version `old`, whose keeper may be started and killed."""

    def __init__(self, data: Path) -> None:
        self.data, self.versions = data, Versions(data)
        self.versions.make()
        (data / "schema").write_text("0041")
        self.version("old")
        self.versions.keep(UpdateState(running="old", installed=release()))
        self.process: asyncio.subprocess.Process | None = None

    def version(self, name: str, **behaviour: object) -> None:
        usual = {"healthz": 200, "doctor": [], "ends": None, "schema": "0041"}
        tree = self.versions.tree(name)
        (tree / "bin").mkdir(parents=True)
        (tree / "behaviour").write_text(json.dumps({**usual, **behaviour}))
        python = tree / "bin" / "python"
        program = Path(__file__).with_name("program.py").read_text()
        python.write_text(f"#!/usr/bin/python3 -SE\n{program}")
        python.chmod(0o755)

    def want(self, name: str, *known_bad: str) -> None:
        wanted = WantedUpdate(name, f"9.9.{name}", "a hook", "0041", known_bad)
        self.versions.want(wanted)

    async def start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
        with self.data.with_name("keeper.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "hub.self_update.keeper", str(self.data), str(WATCH_S),
                "hub", stdout=log, stderr=log,
                env={**environment, "PYTHONPATH": str(ROOT), "DORMOUSE_DATA_DIR": str(self.data)},
            )  # fmt: skip

    def hub(self) -> dict:
        """What the hub that runs says of itself; empty while none is up."""
        with contextlib.suppress(OSError, ValueError):
            facts = json.loads((self.data / "hub.json").read_text())
            os.kill(facts["pid"], 0)
            return facts
        return {}

    async def up(self, version: str) -> None:
        async def runs() -> bool:
            facts = self.hub()
            return facts.get("version") == version and self._is_ours(facts["pid"])

        await until(runs, 120)

    def _is_ours(self, pid: int) -> bool:
        """Whether this keeper has started it: of one that was killed the hub lives a moment on."""
        assert self.process is not None
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text()
            return f"PPid:\t{self.process.pid}\n" in status
        return False

    async def switch(self) -> None:
        """End the hub in order, as one does that asks to be replaced."""
        os.kill(self.hub()["pid"], signal.SIGINT)

    async def settled(self) -> UpdateState:
        async def over() -> UpdateState | None:
            state = self.versions.state()
            return state if state.phase is UpdatePhase.SETTLED and state.outcome else None

        return await until(over, 120)

    async def stop(self) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        return await self.process.wait()

    async def kill(self) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@pytest.fixture
async def keep(short_tmp):
    made = Keep(short_tmp / "data")
    await made.start()
    await made.up("old")
    yield made
    await made.stop()


async def test_a_healthy_version_stays(keep):
    keep.version("new", doctor=["the certificate is young"])
    keep.version("older")
    keep.want("new", "the certificate is young")
    await keep.switch()
    state = await keep.settled()
    assert state.outcome
    assert (state.outcome.healthy, state.running) == (True, "new")
    assert (keep.versions.path / "current").readlink() == Path("new")
    await keep.up("new")

    async def tidy() -> bool:
        return not keep.versions.tree("older").exists()

    await until(tidy)
    assert await keep.stop() == 0
    assert not keep.hub()
    await keep.start()
    await keep.up("new")


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"healthz": 503}, "is not healthy: /healthz answers 503"),
        ({"ends": 1}, "ended with status 1 while it was watched"),
        ({"doctor": ["a stranger cannot read"]},
         "is not healthy: the doctor finds wrong that a stranger cannot read"),
    ],
)  # fmt: skip
async def test_what_is_not_healthy_is_gone_back_from(keep, behaviour, reason):
    keep.version("new", schema="0042", **behaviour)
    keep.want("new", "the certificate is young")
    await keep.switch()
    state = await keep.settled()
    assert state.outcome
    assert (state.outcome.healthy, state.outcome.reason) == (False, reason)
    assert state.running == "old"
    await keep.up("old")
    assert (keep.data / "schema").read_text() == "0041"

    async def there() -> bool:
        outcome = keep.versions.state().outcome
        return bool(outcome and not outcome.since)

    # Readings of the time between are brought over, once.
    await until(there)
    assert (keep.data / "imported").read_text() == f"{keep.data / 'since.csv'}\n"
    outcome = keep.versions.state().outcome
    assert outcome
    assert outcome.kept == (
        "readings of home that came meanwhile are there again; "
        "the database with them is kept as dormouse_2"
    )


async def test_where_the_database_cannot_be_put_back_the_new_one_runs_on(keep):
    keep.version("new", schema="0042", healthz=503)
    keep.want("new")
    await keep.switch()
    await keep.up("new")
    (keep.data / "backup").unlink()
    state = await keep.settled()
    assert state.running == "new"
    assert state.outcome
    assert "the database of before cannot be put back: there is no backup" in (state.outcome.reason)
    await keep.up("new")


async def test_a_version_installed_by_hand_wins(keep):
    await keep.stop()
    keep.versions.keep(UpdateState(running="old", installed="0.0.1"))
    await keep.start()

    async def said() -> bool:
        return "was installed by hand" in keep.data.with_name("keeper.log").read_text()

    await until(said)
    assert keep.versions.state().running == ""


async def test_a_second_keeper_is_refused(keep):
    first = keep.process
    await keep.start()
    second, keep.process = keep.process, first
    assert await second.wait() == 4


@pytest.mark.parametrize("healthy", [True, False])
async def test_killed_at_any_moment_the_old_or_the_new_one_runs(short_tmp, healthy):
    chance, ended = random.Random(seeds.seed()), []
    for attempt in range(KILLS):
        keep = Keep(short_tmp / f"{attempt}")
        keep.version("new", schema="0042", healthz=200 if healthy else 503)
        await keep.start()
        await keep.up("old")
        keep.want("new")
        await keep.switch()
        await asyncio.sleep(chance.uniform(0, 3 * WATCH_S))  # where it is killed
        await keep.kill()
        await keep.start()
        state = await keep.settled()
        assert state.running == ("new" if healthy else "old")
        await keep.up(state.running)
        schema = {"old": "0041", "new": "0042"}[state.running]
        assert (keep.data / "schema").read_text() == schema
        assert keep.versions.wanted() is None
        assert await keep.stop() == 0
        ended.append(state.starts)
    assert len(ended) == KILLS
