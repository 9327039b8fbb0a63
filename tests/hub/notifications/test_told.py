"""What arrives at a receiver, of rules that vary: once, in time, and to its end."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

import pytest

from contracts.reading import Reading, SeriesKey
from hub.devices.changes import DeviceChanges
from hub.devices.replacement import replace_device
from hub.notifications.hours import Hours
from hub.notifications.outbox import Outbox
from hub.places.repository import PlaceRepository
from hub.readings.repository import ReadingRepository
from hub.removals.model import RemovalKind, RemovalRequest
from hub.removals.repository import RemovalRepository
from hub.zones.service import ZoneService
from tests.hub.anomalies.ordinary import A_DAY, series
from tests.hub.anomalies.stored import store_series
from tests.hub.notifications.world import EVERY, OPERATOR, temperature
from tests.support.broker import until

ENERGY = SeriesKey("meter", "EnergyMeter", 0, "Energy")


@pytest.fixture
async def anna(world, receiver):
    """A channel that everything is told."""
    await ZoneService(world.store).set_tenant("home", "UTC")
    await world.channel("Anna", f"http://{receiver.host}/anna")
    return receiver


def told(receiver, path="/anna"):
    """What came by a channel: titles and texts in their order, a repeat once."""
    ids = {one.headers["webhook-id"]: one for one in receiver.got if one.path == path}
    return [(one.said["data"]["title"], one.said["data"]["body"]) for one in ids.values()]


def undated(text):
    """Without `29 Nov` before times: the nights are others each day."""
    return re.sub(r"\b\d{1,2} [A-Z][a-z]{2} (?=\d\d:\d\d)", "", text)


async def place(world, device, where):
    """It was there all along, and is."""
    database = world.store.of("home")
    long_ago, now = world.now - timedelta(days=9), datetime.now(UTC)
    await PlaceRepository(database).record(device, where, long_ago, now)
    await DeviceChanges(database, "ann").place(device, where)


# Of each device what it measures at which minute; every five minutes somebody looks.
COURSES = {
    "five": {n * 5: 2.0 if n < 7 else 4.0 for n in range(20)},
    "quarter": {n * 15: 2.0 if n < 3 else 4.0 for n in range(8)},
    "gap": {0: 2.0, 60: 4.0},
    "short": {0: 8.0, 5: 2.0, 20: 8.0, 25: 2.0, 40: 8.0},
    "exact": {n * 5: 3.0 for n in range(20)},
    "seldom": {0: 2.9, 70: 3.5},
}


async def test_a_value_below_for_twenty_minutes(world, anna):
    begin = world.now
    await world.stored([Reading(temperature(d), 8.0, begin) for d in (*COURSES, "off", "near")])
    # The calibrated value decides: 4.02 - 1.02 is 3.0, which is not below.
    readings = ReadingRepository(world.store.of("home"))
    await readings.calibrate(temperature("off"), offset=-2)
    await readings.calibrate(temperature("near"), offset=-1.02)
    courses = COURSES | {
        "off": {n * 5: 4.9 if n < 7 else 6.0 for n in range(20)},
        "near": {n * 5: 4.02 for n in range(20)},
    }
    for device in COURSES:
        await world.stored([Reading(temperature(device), 8.0, begin)])
    await world.rule("temperature below 3 degrees for 20 min", "Anna", urgent=True)
    await world.look()
    first, opened = begin + timedelta(minutes=5), {}
    for minute in range(0, 105, 5):
        world.now = first + timedelta(minutes=minute)
        await world.stored([
            Reading(temperature(d), course[minute], world.now)
            for d, course in courses.items() if minute in course
        ])  # fmt: skip
        before = len(anna.got)
        await world.look()
        for one in anna.got[before:]:
            for alert in one.said["data"]["alerts"]:
                opened.setdefault(alert["name"], []).append((alert["told"], minute))
    # By five minutes after the twenty are up; over with the reading that says so.
    assert opened == {
        "five": [("opened", 20), ("ended", 35)],
        "off": [("opened", 20), ("ended", 35)],
        "quarter": [("opened", 20), ("ended", 45)],
        "gap": [("opened", 20), ("ended", 60)],
        "seldom": [("opened", 20), ("ended", 70)],
    }


async def test_frost_that_is_learnt_late_is_told_as_past(world, anna):
    await world.rule("temperature below 3 degrees for 20 min", "Anna")
    await world.stored([Reading(temperature("cellar"), 8.0, world.now)])
    await world.look()
    # 22:00 to 23:30 nothing came; then the newest value first, and the past after it.
    start = world.now
    world.now += timedelta(minutes=125)
    await world.stored([Reading(temperature("cellar"), 8.0, world.now)])
    await world.look()
    assert told(anna) == []
    past = [(n, 1.5 if 20 <= n < 80 else 8.0) for n in range(5, 120, 5)]
    await world.stored([
        Reading(temperature("cellar"), value, start + timedelta(minutes=n)) for n, value in past
    ])  # fmt: skip
    await world.look()
    [(title, body)] = told(anna)
    assert title == "cellar, over"
    assert undated(body) == (
        "temperature 8.0 °C since 23:20, after below 3 °C since 22:20 (at its worst 1.5 °C); "
        "known since 00:05"
    )
    # The same once more, as a device does that was not acknowledged: nothing.
    await world.stored([
        Reading(temperature("cellar"), value, start + timedelta(minutes=n)) for n, value in past
    ])  # fmt: skip
    await world.passes(30, heard=False)
    assert len(told(anna)) == 1


async def test_what_came_while_the_hub_was_starting_is_told(world, anna):
    await world.rule("temperature below 3 degrees for 20 min", "Anna")
    await world.stored([Reading(temperature("cellar"), 8.0, world.now)])
    await world.look()
    gone = world.now
    world.now += timedelta(hours=4)
    world.away(gone)
    # Before the first look the device told all of the four hours.
    await world.stored([
        Reading(temperature("cellar"), 1.0 if 10 <= n < 20 else 8.0, gone + n * EVERY)
        for n in range(1, 48)
    ])  # fmt: skip
    world.begin()
    await world.look()
    [(title, body)] = told(anna)
    assert title == "cellar, over"
    assert undated(body).startswith("temperature 8.0 °C since 23:40, after below 3 °C since 22:50")


async def test_a_clock_that_ran_ahead_makes_nobody_deaf(world, anna):
    await world.rule("temperature below 3 degrees for 20 min", "Anna")
    right = world.now
    world.now += timedelta(days=1)
    await world.stored([Reading(temperature("cellar"), 8.0, world.now)])
    world.temperatures["cellar"] = 8.0
    await world.look()
    async with world.store.of("home").transaction() as conn:  # as the hub dates again
        await conn.execute("UPDATE dormouse.latest SET at = at - interval '1 day'")
    world.now = right
    world.temperatures["cellar"] = 1.0
    await world.passes(30)
    assert [title for title, _ in told(anna)] == ["cellar"]


async def test_a_rule_holds_at_its_hours(world, anna):
    """22:00 to 06:00 in Kathmandu is 16:15 to 00:15 UTC; it is 22:00 UTC now."""
    await ZoneService(world.store).set_tenant("home", "Asia/Kathmandu")
    rule = await world.rule("temperature below 3 degrees between 22:00 and 6:00", "Anna")
    assert rule.name == "Temperature below 3 °C between 22:00 and 06:00"
    world.temperatures["cellar"] = 1.0
    await world.passes(10)
    assert [title for title, _ in told(anna)] == ["cellar"]
    world.temperatures["cellar"] = 8.0
    await world.passes(150)
    # 00:40 UTC: outside of them it is over, nothing begins, and late readings change nothing.
    assert [title for title, _ in told(anna)][1:] == ["cellar, over"]
    world.temperatures["cellar"] = 1.0
    await world.passes(30)
    world.temperatures["cellar"] = 8.0
    await world.passes(10)
    assert len(told(anna)) == 2


async def test_what_nobody_acknowledges_is_told_others(world, anna):
    await world.channel("Boss", f"http://{anna.host}/boss")
    next_ = {"escalate": ("Boss",), "escalate_after_s": 900}
    await world.rule("temperature below 3 degrees", "Anna", **next_)
    world.temperatures = {"cellar": 1.0, "attic": 1.0}
    await world.passes(5)
    [attic, cellar] = sorted(await world.service.inbox(OPERATOR), key=lambda one: one.name)
    await world.service.acknowledge(OPERATOR, [attic.id])
    await world.passes(10)
    assert told(anna, "/boss") == []
    world.begin()
    await world.passes(30)
    assert [title for title, _ in told(anna, "/boss")] == ["Nobody acknowledged: cellar"]
    world.temperatures = {"cellar": 8.0, "attic": 8.0}
    await world.passes(20)
    # Who heard of it hears that it is over; of what was acknowledged Boss heard nothing.
    assert [title for title, _ in told(anna, "/boss")][1:] == ["cellar, over"]
    assert cellar.acknowledged_at is None


async def test_a_channel_that_takes_nothing_is_told_by_another(world, anna):
    await world.channel("Dead", f"http://{anna.host}/dead")
    await world.rule("temperature below 3 degrees", "Dead")
    anna.always["/dead"] = 503
    for n in range(12):  # Each message of another device: that is no storm when it works again.
        world.temperatures[f"d{n}"] = 1.0
        await world.passes(10)
    assert [title for title, _ in told(anna)] == ["Channel Dead"]
    assert "the receiver answered 503; messages are tried for a day" in told(anna)[0][1]
    [failing] = world.notifier.trouble.failing()
    assert (failing.name, failing.own, world.service.any_fails()) == ("Dead", False, True)
    anna.always.clear()
    anna.got.clear()
    await world.passes(60)
    came = [one for one in anna.got if one.path == "/dead"]
    assert len(came) <= 3
    alerts = [alert["name"] for one in came for alert in one.said["data"]["alerts"]]
    assert sorted(alerts) == sorted(f"d{n}" for n in range(12))
    assert told(anna) == [("Channel Dead, over", "works again")]
    assert not world.service.any_fails()
    # One that is gone for good is told at once.
    anna.got.clear()
    anna.always["/dead"] = 410
    world.temperatures["d99"] = 1.0
    await world.passes(5)
    assert [title for title, _ in told(anna)] == ["Channel Dead"]
    await world.service.remove_channel(OPERATOR, "Dead")
    await world.passes(5)
    assert told(anna)[1:] == [("Channel Dead, over", "no longer watched: the channel was removed")]


async def test_what_a_killed_hub_was_sending_comes_again_with_its_id(world, anna):
    await world.rule("temperature below 3 degrees", "Anna")
    world.temperatures["cellar"] = 1.0
    await world.report()
    await world.notifier.look()
    outbox = Outbox(world.store.of("home"))
    await world.notifier._compose("home", outbox, world.now)
    [claimed] = await outbox.claim(world.now)
    await world.delivery.send([claimed.message])  # It arrived, and then the hub was killed.
    world.begin()
    await world.notifier.send()
    first, second = anna.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == claimed.message.key
    assert first.body == second.body
    await world.passes(60)
    assert len(anna.got) == 2


async def test_what_is_no_longer_watched_is_told_once(world, anna):
    """Removed, moved, replaced; a rule changed, removed; a place renamed, removed."""
    database = world.store.of("home")
    places = PlaceRepository(database)
    cellar, attic = await places.add("Cellar"), await places.add("Attic")
    for n in range(6):
        world.temperatures[f"d{n}"] = 1.0
    await world.report()
    for n, where in enumerate([cellar, cellar, cellar, attic, None, None]):
        if where is not None:
            await place(world, f"d{n}", where)
    await world.rule("Cellar below 3 degrees", "Anna", urgent=True)
    own = {n: await world.rule(f"d{n} below 3 degrees", "Anna", urgent=True) for n in (4, 5)}
    await world.rule("Attic below 3 degrees", "Anna", urgent=True)
    await world.passes(5)
    assert sum(len(one.said["data"]["alerts"]) for one in anna.got) == 6
    anna.got.clear()

    request = RemovalRequest(RemovalKind.DEVICE, "d0", None, None, None, "ann", "sold")
    removals = RemovalRepository(database)
    del world.temperatures["d0"]
    await removals.carry_out(await removals.begin(request), request)
    await DeviceChanges(database, "ann").place("d1", attic)
    await replace_device(database, "d2", "d2new", who="ann")
    world.temperatures["d2new"] = world.temperatures.pop("d2")
    await places.rename(cellar, "Basement")
    await places.remove_branch(attic, "ann")
    options = own[4].options.model_copy(update={"below": 0.0})
    await world.service.change_rule(OPERATOR, own[4].id, options=options)
    await world.service.remove_rule(OPERATOR, own[5].id)
    await world.passes(10)
    ended = sorted(
        (alert["name"], alert["text"], alert["told"])
        for one in anna.got for alert in one.said["data"]["alerts"]
    )  # fmt: skip
    why = "no longer watched: "
    assert ended == [
        ("d0", f"{why}its device was removed", "ended"),
        ("d1", f"{why}it was moved to another place", "ended"),
        ("d3", f"{why}its rule was removed", "ended"),
        ("d4", f"{why}its rule was changed", "ended"),
        ("d5", f"{why}its rule was removed", "ended"),
    ]
    # d2 goes on as d2new: over once, by the name that was told.
    anna.got.clear()
    world.temperatures["d2new"] = 8.0
    await world.passes(15)
    assert [title for title, _ in told(anna)] == ["d2, over"]
    assert await world.service.inbox(OPERATOR, only_open=True) == []
    assert "d0" not in {one.name for one in await world.service.inbox(OPERATOR)}


async def test_battery_rollout_counter_and_unusual_values(world, anna):
    await world.rule("battery low", "Anna")
    await world.rule("rollout halted", "Anna")
    await world.rule("Energy above 10 kWh", "Anna")
    world.temperatures, world.batteries = {"cellar": 8.0}, {"cellar": 2000}
    async with world.store.of("home").transaction() as conn:
        await conn.execute(
            "INSERT INTO dormouse.rollout (tenant_id, kind, target, options, phase, reason,"
            " created_by, created_at, changed_at) VALUES (dormouse.current_tenant(), 'settings',"
            " '{}', '{}', 'halted', 'too many failed', 'ann', %s, %s)",
            [world.now, world.now],
        )
    await world.stored([Reading(ENERGY, 9.9, world.now)])
    await world.passes(5)
    await world.stored([Reading(ENERGY, 10.2, world.now)])
    await world.passes(10)
    titles = " ".join(f"{title} {body}" for title, body in told(anna))
    for part in (
        "cellar",
        "battery 2.00 V",
        "Rollout",
        "halted: too many failed",
        "meter",
        "10.20 kWh",
    ):
        assert part in titles, titles
    anna.got.clear()
    world.batteries.clear()
    async with world.store.of("home").transaction() as conn:
        await conn.execute("UPDATE dormouse.rollout SET phase = 'running'")
    await world.passes(30)
    titles = " ".join(f"{title} {body}" for title, body in told(anna))
    assert titles.count("no longer halted") == titles.count("the battery is well again") == 1


async def test_unusual_values_are_told_until_somebody_mutes_them(world, anna):
    key, samples = temperature("cellar"), series("indoor", 1, 31)
    stuck = samples[-A_DAY // 2][1]
    samples[-A_DAY // 2 :] = [(at, stuck) for at, _ in samples[-A_DAY // 2 :]]
    await store_series(world.store, "home", key, samples)
    await world.rule("unusual values", "Anna")
    await world.look()
    await until(lambda: world.watch.has_swept("home"))
    await world.passes(10, heard=False)
    assert [title for title, _ in told(anna)] == ["cellar"]
    [odd] = await world.watch.all("home")
    await world.watch.mute("home", odd, None, "ann")
    await world.passes(15, heard=False)
    assert told(anna)[1:] == [("cellar, over", "no longer watched: it was muted")]
    await world.watch.stop()


async def test_a_digest_has_all_of_a_day(world, anna):
    hours = Hours(digest_at=time(7, 30))
    await world.channel("Daily", f"http://{anna.host}/daily", hours=hours)
    await world.rule("temperature below 3 degrees", "Daily")
    world.temperatures = {"a": 1.0, "b": 1.0}
    await world.passes(30)
    world.temperatures["a"] = 8.0
    await world.passes(30)
    assert told(anna, "/daily") == []
    world.now += timedelta(hours=8, minutes=30)  # 07:30
    await world.look()
    [(title, body)] = told(anna, "/daily")
    assert title == "2 notifications"
    assert sorted(line.partition(" ")[0] for line in body.splitlines()) == ["a:", "b:"]
    assert "after below 3 °C since 22:05" in body
