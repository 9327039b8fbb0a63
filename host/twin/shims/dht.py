"""DHT22: the values of its last measurement."""

import world


class DHT22:
    """Resolution 0.1, as the sensor's."""

    def __init__(self, pin):
        pass

    def measure(self):
        self._temperature = round(world.measured("dht22", "temperature") * 10) / 10
        self._humidity = round(world.measured("dht22", "humidity") * 10) / 10

    def temperature(self):
        return self._temperature

    def humidity(self):
        return self._humidity
