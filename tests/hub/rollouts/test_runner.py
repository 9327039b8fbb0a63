"""The runner between a real broker and a real database, both of which may go away."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from hub.device_settings.configs import DeviceSettings
from hub.devices.known import DeviceUnknownError
from hub.places.repository import PlaceRepository
from hub.rollouts.errors import DeviceBusyError, NoDevicesError, WrongPhaseError
from hub.rollouts.model import RolloutOptions, RolloutPhase
from hub.rollouts.select import Selection
from hub.rollouts.service import RolloutRequest
from tests.hub.rollouts.protocol import NEW, Air, Fleet, Side, plain_broker
from tests.support.broker import until

NAMES = [f"esp8266_{n:08x}" for n in range(6)]


@pytest.fixture
async def broker():
    async with plain_broker() as found:
        yield found


@pytest.fixture
async def fleet(broker):
    found = Fleet(broker.port, NAMES)
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def side(store, broker, fleet):
    found = Side(store, broker.port, Air(fleet, 2))
    await found.start()
    for name in NAMES:
        await fleet.report(name)
    await until(lambda: found.source is not None)
    await found.add_image()

    async def known() -> bool:
        async with store.of("home").transaction() as conn:
            row = await (
                await conn.execute("SELECT count(*) FROM dormouse.device_state")
            ).fetchone()
        return row[0] == len(NAMES)

    async with asyncio.timeout(60):
        while not await known():
            await asyncio.sleep(0.02)
    yield found
    await found.stop()


def request(*names: str, **options) -> RolloutRequest:
    chosen = {"reports": 0, "canary": 0, "wave": "100%", "backoff_s": 0.1, "attempts": 2, **options}
    return RolloutRequest(
        version=NEW,
        select=Selection(devices=names, all=not names),
        options=RolloutOptions(**chosen),
    )


async def finish(side: Side, fleet: Fleet, number: int, within: float = 90) -> None:
    """Everybody wakes, again and again, until it is over."""
    try:
        async with asyncio.timeout(within):
            while (running := side.runner.worker("home", number)) and running.going:
                for name in NAMES:
                    await fleet.wake(name)
                await asyncio.sleep(0.05)
    except TimeoutError:
        found = await side.rollouts.status("home", number)
        raise AssertionError(f"{found.rollout} {found.devices} {fleet.devices}") from None


async def test_the_whole_fleet_in_waves(side, fleet):
    view = await side.rollouts.start("home", request(canary=1, wave="3", reports=1), "ann")
    number = view.rollout.id
    await finish(side, fleet, number)
    found = await side.rollouts.status("home", number)
    assert found.counts == {"updated": 6}
    assert side.air.most <= 2
    assert fleet.retained == {}
    history = await side.rollouts.history("home", number)
    first_of = {}
    for event in history:
        if event["after"] == "commanded":
            first_of.setdefault(event["device"], event["id"])
    good = next(e["id"] for e in history if e["what"] == "health" and e["after"] == "good")
    order = sorted(first_of, key=first_of.get)
    assert order[0] == NAMES[0]
    assert all(first_of[name] > good for name in order[1:])


async def test_a_runner_that_ends_anywhere_goes_on_where_it_was(side, fleet):
    """Stopped without a word after each transition it makes."""
    view = await side.rollouts.start("home", request(streams=1), "ann")
    number = view.rollout.id
    stops = 0
    async with asyncio.timeout(60):
        while True:
            for name in NAMES:
                await fleet.wake(name)
            worker = side.runner.worker("home", number)
            if worker is None or not worker.going:
                break
            before = worker.rollout.revision
            await until(
                lambda w=worker, b=before: w.rollout.revision > b, 2
            ) if stops < 12 else None
            if stops < 12:
                stops += 1
                await side.stop()
                await side.start()
                await side.runner.ready.wait()
            await asyncio.sleep(0.05)
    found = await side.rollouts.status("home", number)
    assert found.rollout.phase is RolloutPhase.DONE
    assert found.counts.get("updated", 0) + found.counts.get("failed", 0) == 6
    assert fleet.retained == {}


async def test_settings_that_are_requested_and_not_noted_come_back_at_an_abort(side, fleet):
    """The hub is killed when a device is requested the settings and nothing says so yet."""

    async def publish(*_, **__) -> None:
        pass

    kept = DeviceSettings(side.store.of("home"), publish)
    await kept.request(NAMES[0], {"interval": 60, "name": "Cellar"})
    requested = asyncio.Event()

    class Killed:
        before = kept.before

        async def request(self, *given, **reason) -> None:
            await kept.request(*given, **reason)
            requested.set()
            await asyncio.Event().wait()

    async def begin_again(configs) -> None:
        await side.stop()
        side.configs = configs
        await side.start()
        await side.runner.ready.wait()

    await begin_again(Killed())
    rollout = request(NAMES[0]).model_copy(
        update={"version": None, "settings": {"interval": 300, "name": "Attic"}}
    )
    number = (await side.rollouts.start("home", rollout, "ann")).rollout.id
    for _ in range(2):
        await asyncio.wait_for(requested.wait(), 30)
        requested.clear()
        await begin_again(Killed())
    await asyncio.wait_for(requested.wait(), 30)
    await begin_again(kept)
    worker = side.runner.worker("home", number)
    await until(lambda: worker.devices[NAMES[0]].former is not None)
    assert (await kept.state(NAMES[0])).desired == {"interval": 300, "name": "Attic"}
    await side.rollouts.abort("home", number, "ann")
    await asyncio.wait_for(worker.finished(), 30)
    assert (await kept.state(NAMES[0])).desired == {"interval": 60, "name": "Cellar"}


async def test_a_broker_that_lost_everything_is_told_again(side, fleet, broker):
    view = await side.rollouts.start("home", request(*NAMES[:2]), "ann")
    await until(lambda: len(fleet.retained) == 2)
    commands = {name: word["id"] for name, word in fleet.retained.items()}
    await broker.kill()
    fleet.retained.clear()
    await until(lambda: not side.source.connected.is_set(), 10)
    await broker.start()
    await until(lambda: len(fleet.retained) == 2, 20)
    assert {name: word["id"] for name, word in fleet.retained.items()} == commands
    await finish(side, fleet, view.rollout.id)
    assert (await side.rollouts.status("home", view.rollout.id)).counts == {"updated": 2}


async def test_a_database_that_is_away_delays_and_loses_nothing(side, fleet, database):
    view = await side.rollouts.start("home", request(NAMES[0]), "ann")
    await until(lambda: NAMES[0] in fleet.retained)
    name = psycopg.sql.Identifier(database.name)
    forbid = psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    server = database.admin_url.replace(database.name, "postgres")
    async with await psycopg.AsyncConnection.connect(server, autocommit=True) as admin:
        await admin.execute(forbid.format(name, psycopg.sql.SQL("false")))
        await admin.execute(cut, [database.name])
        waking = asyncio.create_task(fleet.wake(NAMES[0]))
        await asyncio.sleep(0)
        await until(lambda: fleet.said["accepted"] == 1)
        worker = side.runner.worker("home", view.rollout.id)
        assert worker.devices[NAMES[0]].state == "commanded", "nothing was done that is not kept"
        assert NAMES[0] in fleet.retained
        await admin.execute(forbid.format(name, psycopg.sql.SQL("true")))
    await waking
    await until(lambda: worker.devices[NAMES[0]].state != "commanded", 30)
    await finish(side, fleet, view.rollout.id)
    assert (await side.rollouts.status("home", view.rollout.id)).counts == {"updated": 1}


async def test_what_was_heard_and_not_kept_is_delivered_again(side, fleet, database):
    """The hub ends while the database is away: the message stays the broker's."""
    view = await side.rollouts.start("home", request(NAMES[0]), "ann")
    await until(lambda: NAMES[0] in fleet.retained)
    server = database.admin_url.replace(database.name, "postgres")
    name = psycopg.sql.Identifier(database.name)
    forbid = psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    async with await psycopg.AsyncConnection.connect(server, autocommit=True) as admin:
        await admin.execute(forbid.format(name, psycopg.sql.SQL("false")))
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        await admin.execute(cut, [database.name])
        waking = asyncio.create_task(fleet.wake(NAMES[0]))
        await waking  # it has had no word for two seconds, and sleeps
        assert fleet.said["accepted"] == 1
        await side.stop()
        await admin.execute(forbid.format(name, psycopg.sql.SQL("true")))
    await side.start()
    await side.runner.ready.wait()
    worker = side.runner.worker("home", view.rollout.id)
    await until(lambda: worker.devices[NAMES[0]].state == "accepted", 20)


async def test_an_answer_to_nothing_clears_what_the_broker_keeps(side, fleet):
    await side.source.publish(f"HomeKit/{NAMES[3]}/$ota", '{"id": 5}', retain=True)
    await until(lambda: NAMES[3] in fleet.retained)
    await fleet.wake(NAMES[3])
    await until(lambda: NAMES[3] not in fleet.retained)
    assert not fleet.devices[NAMES[3]].server, "clearing it was no go"
    assert side.problems.total["ota-stray"] == 1


async def test_people_are_told_of_changes(side, fleet):
    async with side.rollouts.watch() as changes:
        view = await side.rollouts.start("home", request(NAMES[0]), "ann")
        async with asyncio.timeout(60):
            assert await anext(changes) == ("home", view.rollout.id)
        await finish(side, fleet, view.rollout.id)


async def test_pause_resume_abort(side, fleet):
    number = (await side.rollouts.start("home", request(), "ann")).rollout.id
    await until(lambda: len(fleet.retained) == 6)
    assert (await side.rollouts.pause("home", number, "ann")).rollout.phase is RolloutPhase.PAUSED
    await until(lambda: not fleet.retained)
    with pytest.raises(WrongPhaseError, match="is paused: it cannot pause"):
        await side.rollouts.pause("home", number, "ann")
    await side.rollouts.resume("home", number, "ann")
    await until(lambda: len(fleet.retained) == 6)
    ended = await side.rollouts.abort("home", number, "bob")
    assert ended.rollout.phase is RolloutPhase.ABORTED
    assert ended.counts == {"skipped": 6}
    await until(lambda: not fleet.retained)
    with pytest.raises(WrongPhaseError):
        await side.rollouts.resume("home", number, "ann")
    said = [
        e["reason"] for e in await side.rollouts.history("home", number) if e["what"] == "phase"
    ]
    assert said == ["by ann", "by ann", "by bob", "6 skipped"]


async def test_selecting(side, fleet, store):
    places = PlaceRepository(store.of("home"))
    house = await places.add("House")
    kitchen = await places.add("Kitchen", house)
    async with store.of("home").transaction() as conn:
        await conn.execute("SET LOCAL dormouse.activity = ''")
    plan = side.rollouts.plan
    found = await plan("home", request(NAMES[2], NAMES[0]))
    assert list(found.devices) == [NAMES[2], NAMES[0]]
    where = RolloutRequest(version=NEW, select=Selection(where="$.battery_mv > 2999"))
    assert len((await plan("home", where)).devices) == 6
    with pytest.raises(DeviceUnknownError, match="perhaps esp8266_00000000"):
        await plan("home", request("esp8266_0000000"))
    with pytest.raises(NoDevicesError):
        await plan("home", RolloutRequest(version=NEW))
    with pytest.raises(NoDevicesError, match="no device matches"):
        await plan("home", RolloutRequest(version=NEW, select=Selection(place="House/Kitchen")))
    await side.rollouts.start("home", request(NAMES[1]), "ann")
    with pytest.raises(DeviceBusyError):
        await plan("home", request())
    assert kitchen
