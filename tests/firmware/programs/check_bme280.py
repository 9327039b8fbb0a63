"""The BME280 driver's integer formulas over its range, against the datasheet's floating ones."""

import time

import world
from dormouse.sensors.bme280 import Sensor

sensor = Sensor({"scl": 5, "sda": 4})
for temperature in (-39.5, -10, 0, 21.37, 60, 84):
    for humidity in (5, 48.5, 95):
        for pressure in (310, 987.65, 1090):
            world.get("values").update(
                {"temperature": temperature, "humidity": humidity, "pressure": pressure}
            )
            assert sensor.start() >= 8
            time.sleep_ms(9)
            got = sensor.read()
            assert abs(got[0] - temperature) < 0.011, (temperature, got)
            assert abs(got[1] - humidity) < 0.1, (humidity, got)
            assert abs(got[2] - pressure) < 0.05, (pressure, got)
