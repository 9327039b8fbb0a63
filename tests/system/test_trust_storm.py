"""Broker, hub and Postgres are killed at random: no reading that a device could hold gets lost.

`make soak` runs it with 200 devices and 20 kills of the broker: STORM_DEVICES, STORM_KILLS.
"""

from __future__ import annotations

import asyncio
import os

from tests.support import seeds
from tests.support.hub import rows, until
from tests.support.storm import Storm

DEVICES = int(os.environ.get("STORM_DEVICES", "40"))
KILLS = int(os.environ.get("STORM_KILLS", "3"))


async def test_every_reading_that_could_be_held_is_stored_exactly_once(hub):
    seed = seeds.seed()
    storm = Storm(hub, DEVICES, interval=max(0.4, DEVICES / 100), seed=seed)
    await storm.start()
    kills = ["broker"] * KILLS + ["hub", "postgres"] * max(1, KILLS // 3)
    storm.rng.shuffle(kills)
    for what in kills:
        # When a kill falls is chance: no condition is waited for.
        await asyncio.sleep(storm.rng.uniform(0.3, 2.5))
        await storm.kill(what)
    # Each device measures and wakes with what the last kill left behind.
    taken = {device.name: device.seq for device in storm.devices}

    async def went_on() -> bool:
        return all(device.seq > taken[device.name] for device in storm.devices)

    await until(went_on)
    async with asyncio.timeout(300):
        await storm.stop()

    found = await rows(
        hub,
        """SELECT d.key, array_agg(r.value::int), array_agg(extract(epoch FROM r.at)::float8)
           FROM dormouse.reading r JOIN dormouse.series s ON s.id = r.series_id
           JOIN dormouse.device d ON d.id = s.device_id GROUP BY d.key""",
    )
    stored = {device: (values, times) for device, values, times in found}
    lost = dict(
        await rows(
            hub,
            """SELECT d.key, sum(v.lost)::int FROM dormouse.delivery v
               JOIN dormouse.device d ON d.id = v.device_id GROUP BY d.key""",
        )
    )
    thinned = 0
    for device in storm.devices:
        values, times = stored[device.name]
        assert len(values) == len(set(values)), f"{device.name} stored twice"
        missing = set(range(1, device.seq + 1)) - set(values)
        assert missing <= device.thinned, f"{device.name} lost {missing - device.thinned}"
        assert set(values) <= set(range(1, device.seq + 1))
        assert lost[device.name] == len(device.thinned), device.name
        thinned += len(device.thinned)
        late = [at - device.taken_at[seq] for seq, at in zip(values, times, strict=True)]
        # The broker does not tell how long it has kept a message. What it took from a device that
        # the hub had not heard before is dated by the end of the hub's absence, which a busy
        # machine makes longer than the 10 s.
        off = max(map(abs, late))
        assert off < max(10, storm.longest_outage + 5), f"{device.name}: times off by {off} s"
    taken = sum(device.seq for device in storm.devices)
    print(f"{taken} readings of {DEVICES} devices, {thinned} thinned out, kills: {storm.kills}")
    assert taken > DEVICES * KILLS
    assert thinned > 0
