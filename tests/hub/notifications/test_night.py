"""A night of faults on a simulated clock: each is told once, in time, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hub.devices.changes import DeviceChanges
from hub.devices.repository import DeviceRepository
from hub.explain.outages import Away, Outage
from hub.notifications.sources.machine import BackupStanding
from hub.places.repository import PlaceRepository
from hub.runtime.disk import DiskRoom
from hub.zones.service import ZoneService
from tests.hub.notifications.world import OPERATOR


async def furnish(world, receiver):
    """A cellar with a fridge, a school of 12 rooms with a sensor each; everybody reports."""
    places = PlaceRepository(world.store.of("home"))
    cellar, school = await places.add("Cellar"), await places.add("School")
    world.temperatures = {"fridge": 4.0} | {f"room{n}": 20.0 for n in range(12)}
    for device in world.temperatures:
        await DeviceRepository(world.store.of("home")).add(device, device.capitalize(), None)
        place = cellar
        if device != "fridge":
            place = await places.ensure(device.upper(), school)
        # Before today by the record, from now on by where it is.
        await places.record(device, place, world.now - timedelta(days=9), datetime.now(UTC))
        await DeviceChanges(world.store.of("home"), "ann").place(device, place)
    await ZoneService(world.store).set_tenant("home", "UTC")
    secret = await world.channel("Anna", f"http://{receiver.host}/anna")
    for sentence in (
        "Cellar below 3 degrees for 20 min",
        "silent",
        "backup failed",
        "hub was away",
        "disk nearly full",
    ):
        await world.rule(sentence, "Anna")
    await world.report()
    return secret


def told(receiver):
    """Titles and texts in their order."""
    return [(one.said["data"]["title"], one.said["data"]["body"]) for one in receiver.got]


async def test_a_night(world, receiver):
    secret = await furnish(world, receiver)
    await world.passes(30)
    assert told(receiver) == []

    # 22:30: it freezes. 20 minutes are up at 22:55, when it was below for 20; told once.
    world.temperatures["fridge"] = 2.1
    await world.passes(20)
    assert told(receiver) == []
    await world.passes(30)
    assert told(receiver) == [("Fridge", "temperature 2.1 °C, below 3 °C since 22:35")]
    [alert] = await world.service.inbox(OPERATOR, only_open=True)
    assert alert.opened_at - alert.since == timedelta(minutes=20)
    await world.service.acknowledge(OPERATOR, [alert.id])
    # Above the limit is not back yet; half a degree beyond it is.
    world.temperatures["fridge"] = 3.2
    await world.passes(10)
    assert len(receiver.got) == 1
    world.temperatures["fridge"] = 3.6
    await world.passes(5)
    assert told(receiver)[1:] == [
        (
            "Fridge, over",
            "temperature 3.6 °C since 23:35, after below 3 °C since 22:35 (at its worst 2.1 °C)",
        )
    ]

    # A school's access point fails: one message, however many rooms it has.
    receiver.got.clear()
    world.silent = {f"room{n}" for n in range(12)}
    await world.passes(20)
    assert [title for title, _ in told(receiver)] == ["12 devices in School are silent"]
    world.begin()  # The hub is started anew meanwhile: nothing is told again.
    await world.passes(20)
    assert len(receiver.got) == 1
    world.silent = set()
    await world.passes(10)
    await world.settle()
    assert [title for title, _ in told(receiver)][1:] == ["12 devices in School are heard again"]

    # The hub itself is away for an hour: nobody is called silent for it, before or after.
    receiver.got.clear()
    gone = world.now
    world.now += timedelta(hours=1)
    world.outages.past.append(Outage(Away.HUB, gone, world.now))
    world.begin()
    await world.look()
    assert [title for title, _ in told(receiver)] == ["The hub"]
    assert "(60 min): nobody was heard" in told(receiver)[0][1]
    await world.passes(60)
    assert len(receiver.got) == 1

    # Backup and disk, of which the first is urgent for nobody: both once, and once more when over.
    receiver.got.clear()
    world.backup, world.disk = BackupStanding("the backup failed: no room", world.now), DiskRoom.LOW
    await world.passes(30)
    world.backup, world.disk = BackupStanding(), DiskRoom.OK
    await world.passes(10)
    titles = [title for title, _ in told(receiver)]
    assert titles == ["2 notifications", "2 notifications"]
    assert "the backup failed: no room" in told(receiver)[0][1]
    assert "nearly full" in told(receiver)[0][1]
    assert "succeeded again" in told(receiver)[1][1]
    assert await world.service.inbox(OPERATOR, only_open=True) == []
    assert all(one.is_signed_by(secret) for one in receiver.got)
