"""Nights of faults by chance: each told once and over once, whatever fails or is started anew."""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import timedelta

from contracts.reading import Reading
from tests.hub.notifications.world import EVERY, OPERATOR, temperature
from tests.support import seeds

# `make soak` has forty hours.
HOURS = int(os.environ.get("NIGHT_HOURS", "2"))
DEVICES = 4
STEPS = round(timedelta(hours=HOURS) / EVERY)


def plan(chance):
    """Of a device by step what is wrong; faults that are told of, and short ones that are not.

    `late`: it freezes while nobody hears the device, which tells it afterwards.
    """
    wrong, told, step = {}, Counter(), chance.randrange(2, 8)
    while step < STEPS - 10:
        kind = chance.choice(("frost", "silent", "late"))
        lasts = chance.choice((1, 2) if kind == "frost" else (1,))
        if chance.random() < 0.7:
            lasts = chance.randrange(6, 12)
            told.update(("frost", "silent") if kind == "late" else (kind,))
        wrong |= dict.fromkeys(range(step, min(step + lasts, STEPS - 6)), kind)
        step += lasts + chance.randrange(5, 9)
    return wrong, told


async def test_nights(world, receiver):
    chance = random.Random(seeds.seed())
    plans = {f"d{n}": plan(chance) for n in range(DEVICES)}
    world.temperatures = dict.fromkeys(plans, 8.0)
    await world.channel("Anna", f"http://{receiver.host}/anna")
    await world.report()
    await world.rule("temperature below 3 degrees for 20 min", "Anna")
    await world.rule("silent", "Anna")
    kept = {device: [] for device in plans}
    for step in range(STEPS):
        for device, (wrong, _) in plans.items():
            now = wrong.get(step)
            world.temperatures[device] = 1.0 if now == "frost" else 8.0
            (world.silent.add if now in {"silent", "late"} else world.silent.discard)(device)
            if now == "late":
                kept[device].append(Reading(temperature(device), 1.0, world.now + EVERY))
            elif wrong.get(step - 1) != "late" and kept[device]:  # After its newest value.
                await world.stored(kept[device])
                kept[device].clear()
        if chance.random() < 0.1:
            receiver.answers = [500] * chance.randrange(1, 3)
        if chance.random() < 0.1:
            world.begin()
        await world.passes(5)
    await world.passes(30)
    alerts = await world.service.inbox(OPERATOR)
    assert all(alert.ended_at is not None for alert in alerts)
    expected = Counter()
    for device, (_, told) in plans.items():
        expected[device, "value"], expected[device, "silent"] = told["frost"], told["silent"]
    assert Counter((alert.device, alert.kind.value) for alert in alerts) == +expected
    at_once = (alert for alert in alerts if alert.ended_at >= alert.opened_at)
    late = max((alert.opened_at - alert.since for alert in at_once), default=timedelta())
    assert late <= timedelta(minutes=25)
    taken = {one.headers["webhook-id"]: one for one in receiver.got}
    said = Counter(
        (alert["id"], alert["told"])
        for one in taken.values()
        for alert in one.said["data"]["alerts"]
    )
    assert set(said.values()) <= {1}
    assert {number for number, told in said if told == "ended"} == {alert.id for alert in alerts}
    frosts = sum(count for (_, kind), count in expected.items() if kind == "value")
    silences = sum(expected.values()) - frosts
    print(
        f"{HOURS} h of {DEVICES} devices: {frosts} frosts and {silences} silences, each told once "
        f"and over once in {len(taken)} messages; the latest {late} after its beginning"
    )
