"""Sensors at a pin or at the ADC: contact, motion, soil."""

import around
from dormouse.sensors import Sensors

CONTACT, MOTION = {"driver": "contact", "pin": 14}, {"driver": "motion", "pin": 12}


def seen(entry, pins):
    around.world_is(pins=pins)
    sensors = Sensors([entry])
    sensors.start()
    return dict(sensors.read()), sensors.problems, sensors.wake_s


# Closed pulls the pin low; ContactSensorState is 0 where there is contact.
assert seen(CONTACT, {"14": 0}) == ({0: 0}, [], 4200)
assert seen(CONTACT, {"14": 1}) == ({0: 1}, [], 4200)
assert seen(dict(CONTACT, open=0), {"14": 0}) == ({0: 1}, [], 4200)
# While something moves it looks again soon.
assert seen(MOTION, {"12": 1}) == ({0: 1}, [], 60)
assert seen(MOTION, {"12": 0}) == ({0: 0}, [], 4200)
assert seen(dict(MOTION, hold_s=20), {"12": 1}) == ({0: 1}, [], 20)
assert seen({"driver": "contact"}, {})[1] == ["contact: its setting pin is missing"]

# Soil: 864 counts in air, 416 in water, or what is measured.
SOIL = {"driver": "soil"}
for counts, percent in ((864, 0), (416, 100), (640, 50), (900, 0), (380, 100)):
    around.world_is(adc_counts=counts)
    assert around.measure(SOIL) == ({0: percent}, []), counts
around.world_is(adc_counts=300)
assert around.measure(dict(SOIL, dry=600, wet=200)) == ({0: 75}, [])
assert around.measure(dict(SOIL, dry=200, wet=600)) == ({0: 25}, [])
for counts in (0, 200, 1000, 1024):
    around.world_is(adc_counts=counts)
    around.fails(SOIL, f"the ADC reads {counts}")
around.fails(dict(SOIL, dry=500, wet=500), "the same")


class Short:
    """A driver of somebody's own that forgets a value."""

    def __init__(self, series):
        self.series = series

    def start(self):
        return 0

    def read(self):
        return [20.5]


around.world_is(adc_counts=640)
sensors = Sensors([SOIL])
sensors.sensors.insert(0, ("mine", Short(Sensors([SOIL, SOIL]).series)))
sensors.start()
assert sensors.read() == [(0, 20.5), (2, 50)]
