"""Readings that a wrong clock dated get true times when it is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.reading import ClockReference, Identity, Reading, SeriesKey
from hub.database.database import Database
from hub.devices.repository import DeviceRepository
from hub.ingest.ingest import Ingest
from hub.ingest.redating import Redating
from tests.hub.runtime.test_host_clock import DAY, HOUR, Machine
from tests.support.broker import until

KEY = SeriesKey("cellar", "TemperatureSensor", 0, "CurrentTemperature")
YEARS = 365 * DAY


class Now(Machine):
    """Its true time is the present, `ago` seconds ago at the beginning."""

    def __init__(self, wrong: float, ago: float = 0) -> None:
        super().__init__(wrong)
        self.began = datetime.now(UTC).timestamp() - self.up - ago

    def true(self, clock) -> datetime:
        return clock.now() - timedelta(seconds=self.wrong)


async def put(
    store: Database, readings, *, settled=False, tenant="home", corrects=lambda _: False
) -> Ingest:
    ingest = Ingest(store.of(tenant), settled=lambda: settled, corrects=corrects)
    await ingest.start()
    ingest.put(readings, lambda: None)
    await ingest.stop()
    return ingest


async def asked(store: Database, query: str, tenant: str = "home") -> list[tuple]:
    async with store.of(tenant).transaction() as conn:
        return await (await conn.execute(query)).fetchall()


async def nothing_noted(store: Database) -> bool:
    return await asked(store, "SELECT FROM dormouse.arrival LIMIT 1") == []


READINGS = "SELECT value, at FROM dormouse.reading ORDER BY value"


def close(at: datetime, true: datetime) -> bool:
    return abs((at - true).total_seconds()) < 1


@pytest.mark.parametrize("batches", [True, False])
@pytest.mark.parametrize(
    "wrong", [-50 * YEARS, -3 * HOUR, -2 * HOUR, -40, -2, 2, 360, 2 * DAY, 10 * YEARS]
)
async def test_true_times_after_a_step_of_any_size(store, wrong, batches):
    machine = Now(wrong)
    clock = machine.clock()
    readings, true = [], []
    for n in range(5):
        machine.passes(60)
        identity = Identity("b", n + 1) if batches else None
        readings.append(Reading(KEY, float(n), clock.now(), identity, clock=clock.reference))
        true.append(machine.true(clock))
    await put(store, readings)
    machine.passes(1)
    machine.wrong = 0
    clock.check()
    redating = Redating(store, clock)
    await redating._redate()
    stored = await asked(store, READINGS)
    assert len(stored) == redating.redated == 5
    for value, at in stored:
        assert close(at, true[int(value)])
    assert await asked(store, "SELECT count(*) FROM dormouse.quarantine") == [(0,)]
    await redating._redate()
    assert redating.redated == 5


async def test_rollups_and_the_latest_are_those_of_the_true_times(store):
    machine = Now(-3 * HOUR)
    clock = machine.clock()
    before = clock.now() - timedelta(seconds=1800)
    # What a right clock dated stays, in the very hour that the wrong one goes through.
    await put(store, [Reading(KEY, 100.0, before)], settled=True)
    wrong = [
        Reading(KEY, float(n), clock.now() + timedelta(seconds=n), None, clock=clock.reference)
        for n in range(3)
    ]
    await put(store, wrong)
    machine.wrong = 0
    clock.check()
    await Redating(store, clock)._redate()
    assert [v for v, _ in await asked(store, READINGS)] == [0.0, 1.0, 2.0, 100.0]
    for rollup, width in (("hourly", "1 hour"), ("daily", "1 day")):
        rolled = await asked(
            store, f"SELECT start, n, total, low, high, last FROM dormouse.{rollup} ORDER BY 1"
        )
        made = await asked(
            store,
            f"""SELECT date_bin('{width}', at, '2000-01-01Z'), count(*), sum(value), min(value),
                max(value), (array_agg(value ORDER BY at DESC))[1] FROM dormouse.reading
                GROUP BY 1 ORDER BY 1""",
        )
        assert rolled == made
    assert await asked(store, "SELECT value FROM dormouse.latest") == [(2.0,)]


async def test_the_latest_is_never_from_the_future(store):
    machine = Now(2 * DAY)
    clock = machine.clock()
    await put(store, [Reading(KEY, 1.0, clock.now(), None)], settled=True)
    assert await asked(store, "SELECT value FROM dormouse.latest WHERE at > now()") == [(1.0,)] or (
        await asked(store, "SELECT count(*) FROM dormouse.quarantine")
    ) == [(1,)]
    await put(store, [Reading(KEY, 2.0, datetime.now(UTC))], settled=True)
    assert await asked(store, "SELECT value FROM dormouse.latest") == [(2.0,)]


async def test_two_steps_and_another_tenant(store):
    machine = Now(-50 * YEARS)
    clock = machine.clock()
    true = machine.true(clock)
    await store.ensure_tenant("school")
    for tenant in ("home", "school"):
        await put(store, [Reading(KEY, 1.0, clock.now(), clock=clock.reference)], tenant=tenant)
    redating = Redating(store, clock)
    for wrong in (-3 * HOUR, 0):
        machine.wrong = wrong
        clock.check()
        await redating._redate()
    for tenant in ("home", "school"):
        ((_, at),) = await asked(store, READINGS, tenant)
        assert close(at, true)


async def test_what_another_start_dated_is_left_alone(store):
    machine = Now(-3 * HOUR)
    clock = machine.clock()
    at = clock.now()
    await put(store, [Reading(KEY, 1.0, at, clock=ClockReference("other", 5.0))])
    machine.wrong = 0
    clock.check()
    await Redating(store, clock)._redate()
    assert [row[1] for row in await asked(store, READINGS)] == [at]
    await Redating(store, clock)._settle("other")
    assert await asked(store, "SELECT count(*) FROM dormouse.arrival") == [(0,)]


async def test_what_waited_for_the_database_until_the_clock_was_right_long_since(store):
    machine = Now(-50 * YEARS)
    clock = machine.clock()
    machine.synchronised = True
    reading, true = Reading(KEY, 1.0, clock.now(), clock=clock.reference), machine.true(clock)
    machine.wrong = 0
    clock.check()
    machine.passes(2 * HOUR)
    assert clock.settled
    redating = Redating(store, clock)
    redating.EVERY_S = 0.01
    await redating.start()
    await until(lambda: not redating._stepped.is_set())
    await put(store, [reading], settled=True, corrects=redating.corrects)
    await until(lambda: redating.redated == 1)
    await until(lambda: nothing_noted(store))
    await redating.stop()
    assert close((await asked(store, READINGS))[0][1], true)


async def test_a_hub_that_is_killed_between_the_step_and_what_follows_from_it(store, tmp_path):
    machine = Now(2 * DAY)
    clock = machine.clock(tmp_path / "clock.json")
    reading, true = Reading(KEY, 1.0, clock.now(), clock=clock.reference), machine.true(clock)
    await put(store, [reading])
    machine.wrong = 0
    clock.check()
    machine.passes(30)
    again = machine.clock(tmp_path / "clock.json")
    redating = Redating(store, again)
    await redating.start()
    await until(lambda: redating.redated == 1)
    await redating.stop()
    assert close((await asked(store, READINGS))[0][1], true)


async def test_a_machine_that_was_started_again_before_its_clock_was_set(store, tmp_path):
    """In 1970 twice: what the first start dated is as right as the second's, less the pause."""
    machine = Now(-50 * YEARS, ago=7200)
    clock = machine.clock(tmp_path / "clock.json")
    machine.passes(3600)
    clock.save()
    first, true = Reading(KEY, 1.0, clock.now(), clock=clock.reference), machine.true(clock)
    await put(store, [first])
    machine.id, machine.wrong = "second", -50 * YEARS - machine.up
    machine.passes(20)
    again = machine.clock(tmp_path / "clock.json")
    assert again.continues is not None
    told: list[str] = []
    redating = Redating(store, again, on_redated=told.append)
    await redating.start()
    await until(lambda: not redating._stepped.is_set())
    assert told == []
    machine.wrong = 0
    again.check()
    await until(lambda: asked(store, READINGS))
    await until(lambda: told == ["home"])
    await redating.stop()
    ((_, at),) = await asked(store, READINGS)
    assert abs((at - true).total_seconds()) < 60


async def test_what_was_put_aside_in_1970_stays_until_the_clock_is_set(store):
    """Received then it would have had its 90 days at the next reading that is put aside."""
    async with store.nobody() as conn:
        row = await (
            await conn.execute(
                """SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef d JOIN pg_attribute a
                   ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                   WHERE a.attrelid = 'dormouse.quarantine'::regclass
                   AND a.attname = 'received_at'"""
            )
        ).fetchone()
        assert row is not None
        in_1976 = row[0].replace("now()", "'1976-05-01Z'::timestamptz")
        told = await (await conn.execute(f"SELECT {in_1976}")).fetchone()
    assert told is not None
    assert told[0].year == 2100


@pytest.mark.parametrize("wrong", [-50 * YEARS, 2 * DAY, 10 * YEARS])
async def test_days_of_reports_are_those_of_the_true_times(store, wrong):
    """Else a battery's trend ends in ten years, and begins in 1976."""
    machine = Now(wrong)
    clock = machine.clock()
    devices = DeviceRepository(store.of("home"))

    async def reports(battery_mv: int) -> None:
        at, reference = clock.now(), clock.reference
        said = {"battery_mv": battery_mv, "awake_ms": 500}
        await devices.report("cellar", said, at, 300, reference)
        await put(store, [Reading(KEY, 1.0, at, clock=reference)])

    await reports(2900)
    machine.passes(60)
    await reports(2890)
    machine.wrong = 0
    clock.check()
    began = datetime.now(UTC).date()
    await reports(2880)
    await Redating(store, clock)._redate()
    days = await asked(
        store,
        """SELECT day, reports, battery_first, battery_last, awake_total
           FROM dormouse.report_daily ORDER BY day""",
    )
    # Over midnight it may be two days.
    assert began <= days[-1][0] <= datetime.now(UTC).date()
    assert (sum(day[1] for day in days), sum(day[4] for day in days)) == (3, 1500)
    assert (days[0][2], days[-1][3]) == (2900, 2880)
    assert (days[-1][0] - days[0][0]).days <= 1
