"""The battery by ADC counts: its level, and what is no battery at all."""

import around
import machine
from dormouse.sensors import Sensors

ENTRY = {"driver": "battery"}


def millivolts(counts, **entry):
    around.world_is(adc_counts=counts)
    sensors = Sensors([dict(ENTRY, **entry)])
    sensors.start()
    return dict(sensors.read()), sensors.battery_mv, sensors.problems


# 220k over 100k: 3.2 V at the battery are 1.0 V, which is 1024.
for counts, mv, percent in ((1024, 3200, 100), (896, 2800, 50), (768, 2400, 0), (640, 2000, 0)):
    assert millivolts(counts) == ({0: percent, 1: 1 if percent <= 15 else 0}, mv, [])
# Behind another 100k: 4.2 V are 1024, a LiPo from 3.0 to 4.2 V.
LIPO = {"scale_mv": 4200, "empty_mv": 3000, "full_mv": 4200}
assert millivolts(878, **LIPO)[:2] == ({0: 50, 1: 0}, 3601)
# Nothing at the pin; a pin at its limit; a board without divider; limits that cannot be.
for counts, entry, words in (
    (0, {}, "0 mV"), (3, {}, "9 mV"), (300, {}, "is the battery wired"),
    (65535, {}, "does not measure its pin"), (1025, LIPO, "does not measure its pin"),
    (1024, {"full_mv": 4200}, "the most that the pin reads"),
    (1023, {"full_mv": 4200}, "the most that the pin reads"),
    (1024, {"scale_mv": 1000}, "a divider?"), (0, {"scale_mv": 1000}, "a divider?"),
    (700, {"scale_mv": 2400}, "a divider?"),
    (900, {"full_mv": 2400}, "not above empty_mv"), (900, {"empty_mv": 3300}, "not above empty_mv"),
):  # fmt: skip
    values, battery, problems = millivolts(counts, **entry)
    assert (values, battery) == ({}, None), (counts, entry, values, battery)
    assert len(problems) == 1 and words in problems[0], problems

# What fails later leaves no voltage of before.
around.world_is(adc_counts=896)
sensors = Sensors([ENTRY])
sensors.start()
assert sensors.read() and sensors.battery_mv == 2800
around.world_is(adc_counts=0)
sensors.start()
assert sensors.read() == [] and sensors.battery_mv is None
assert machine.ADC(0).read_u16() == 0
