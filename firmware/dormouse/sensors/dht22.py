"""DHT22 (AM2302): temperature and humidity. Settings: `pin`."""

import dht
from machine import Pin

from dormouse.sensors import Series


class Sensor:
    """Measures when asked; not more often than every 2 s."""

    def __init__(self, entry):
        self.dht = dht.DHT22(Pin(entry["pin"]))
        self.series = [
            Series("TemperatureSensor", "CurrentTemperature", 1, -40, 80),
            Series("HumiditySensor", "CurrentRelativeHumidity", 1, 0, 100),
        ]

    def start(self) -> int:
        """Nothing: the measurement is the 5 ms of its transmission."""
        return 0

    def read(self):
        """[degrees Celsius, percent]."""
        self.dht.measure()
        return [self.dht.temperature(), self.dht.humidity()]
