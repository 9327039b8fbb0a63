"""A DHT22 that was asked last hours ago: its first answer is of that time."""

import around
import world

ENTRY = {"driver": "dht22", "pin": 14}
for clone, degrees in ((False, -0.1), (True, -12.3)):
    around.world_is(values={"temperature": degrees, "humidity": 40}, dht_twos_complement=clone)
    # 18.0 degrees, 50 %.
    world.keep_chip_state("dht22", {"at": 0, "frame": "01f400b4a9"})
    assert around.measure(ENTRY) == ({0: degrees, 1: 40.0}, []), degrees
around.world_is(missing=["dht22"])
