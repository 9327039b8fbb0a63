"""What the doctor says of the hub's own parts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

from hub.doctor.finding import Verdict
from hub.doctor.notifications import examine_channels
from hub.doctor.parts import examine, examine_clock, examine_dropped, examine_store
from hub.notifications.trouble import FailingChannel
from hub.runtime.defects import Defects
from hub.runtime.problems import Problems
from hub.runtime.supervisor import PartRole, Supervisor
from tests.hub.runtime.test_host_clock import Machine
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
        "every part of the hub runs": Verdict.GOOD,
        "no part of the hub was begun again": Verdict.NOTE,
        "no server of the hub ended by itself": Verdict.NOTE,
        "no defect of the hub is known": Verdict.NOTE,
    }
    await tasks.stop()


def test_a_clock_that_is_behind_is_bad_and_its_steps_are_told(tmp_path):
    machine = Machine()
    file = tmp_path / "clock.json"
    machine.clock(file).save()
    machine.id, machine.wrong = "second", -3 * 3600.0
    clock = machine.clock(file)
    (finding,) = examine_clock(clock)
    assert finding.verdict is Verdict.BAD
    assert "at least 3:00:00 behind" in finding.detail
    machine.wrong, machine.synchronised = 0, True
    clock.check()
    good, step = examine_clock(clock)
    assert good.verdict is Verdict.GOOD
    assert "forward by 3:00:00" in step.detail


async def test_a_store_that_was_set_aside_is_told(tmp_path):
    store = tmp_path / "mosquitto.db"
    [finding] = examine_store(store)
    assert finding.verdict is Verdict.GOOD
    (tmp_path / "mosquitto.db.damaged").write_bytes(b"half of it")
    [finding] = examine_store(store)
    assert finding.verdict is Verdict.NOTE
    assert str(tmp_path / "mosquitto.db.damaged") in finding.detail


def test_what_was_dropped_is_told_by_account():
    problems = Problems()
    assert [finding.verdict for finding in examine_dropped(problems)] == [Verdict.GOOD]
    for kind, device in (("oversize", "evil"), ("oversize", "worse"), ("overflow", None)):
        problems.note(kind, device, "")
    large, much = examine_dropped(problems)
    assert large.verdict is much.verdict is Verdict.NOTE
    assert large.detail == "2 larger than the broker takes: worse, evil"
    assert much.detail == "1 times that more waited for the hub than the broker keeps"


def test_channels_that_take_nothing_are_bad_unless_they_are_one_persons():
    assert [one.verdict for one in examine_channels([])] == [Verdict.GOOD]
    since = datetime(2026, 3, 1, tzinfo=UTC)
    everybodys, own = examine_channels(
        [
            FailingChannel("home", "Ops", since, "the receiver answered 503", own=False),
            FailingChannel("beach", "My phone", since, "no answer", own=True),
        ]
    )
    assert (everybodys.verdict, own.verdict) == (Verdict.BAD, Verdict.NOTE)
    assert "the channel Ops in home takes no messages since" in everybodys.detail
    assert "the receiver answered 503" in everybodys.detail
    # What people call their own channels is theirs.
    assert "My phone" not in own.detail
