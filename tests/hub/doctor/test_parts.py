"""What the doctor says of the hub's own parts."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from hub.doctor.finding import Verdict
from hub.doctor.parts import examine
from hub.runtime.defects import Defects
from hub.runtime.supervisor import PartRole, Supervisor
from tests.support.broker import until


async def test_all_is_well():
    assert {finding.verdict for finding in examine(Supervisor(), [])} == {Verdict.GOOD}


async def test_a_part_that_stands_still_and_its_defect_are_named():
    go = asyncio.Event()

    async def sleep(_: float) -> None:
        await go.wait()

    supervisor = Supervisor(sleep=sleep)
    tasks = supervisor.tasks(PartRole.DUTIES)
    fails = True

    async def work() -> None:
        nonlocal fails
        if fails:
            fails = False
            raise KeyError("nobody")
        await asyncio.Event().wait()

    loop = tasks.loop("counting sheep", work)
    await until(lambda: not loop.running)
    first, defect = examine(supervisor, [])
    assert first.verdict is Verdict.BAD
    assert first.detail == "counting sheep: KeyError: 'nobody' (begun again 0 times)"
    assert defect.verdict is Verdict.NOTE
    assert defect.detail.startswith("counting sheep: KeyError: 'nobody' (counted 1, last at ")
    go.set()
    await until(lambda: loop.running)
    child = SimpleNamespace(name="postgres", restarts=2, defects=Defects())
    verdicts = {f.what: f.verdict for f in examine(supervisor, [child])}
    assert verdicts == {
        "find a part of the hub that does not run": Verdict.GOOD,
        "find a part of the hub that was begun again": Verdict.NOTE,
        "find a server that ended by itself": Verdict.NOTE,
        "find a defect of the hub": Verdict.NOTE,
    }
    await tasks.stop()
