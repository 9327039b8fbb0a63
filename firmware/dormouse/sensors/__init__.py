"""What can be attached. A driver is one file here and one line in DRIVERS.

A driver module has a class `Sensor`: made with its entry in the settings, it has `series` (a list
of Series), `start()` that begins a measurement and returns the milliseconds it takes, and
`read()` that returns one value for each series, None where there is none. It raises OSError when
the hardware does not answer.
"""

DRIVERS = (
    "battery",
    "bme280",
    "dht22",
    "ds18b20",
)

# Sensors of one kind are told apart by the index in their topics.
_INDEXED = "%s/%d/%s"


class Series:
    """One characteristic that a sensor measures.

    `service` and `characteristic` are HomeKit's names; a value outside lowest..highest is a fault
    of the sensor and not sent; what is not `recorded` goes to its topic only, not into `$batch`.
    """

    def __init__(self, service, characteristic, decimals, lowest, highest, recorded=True):
        self.service = service
        self.name = service + "/" + characteristic
        self.characteristic = characteristic
        self.decimals = decimals
        self.lowest = lowest
        self.highest = highest
        self.recorded = recorded


class Sensors:
    """All sensors of the settings; what fails is named in `problems` and leaves the others be."""

    def __init__(self, entries):
        self.problems = []
        self.sensors = []
        self.battery_mv = None
        counts: dict = {}
        for entry in entries:
            sensor = self._try(entry["driver"], _make, entry)
            if sensor is None:
                continue
            services = {}
            for series in sensor.series:
                if series.service not in services:
                    services[series.service] = counts.get(series.service, 0)
                    counts[series.service] = services[series.service] + 1
                index = services[series.service]
                if index:
                    series.name = _INDEXED % (series.service, index, series.characteristic)
            self.sensors.append((entry["driver"], sensor))
        self.series = [series for _name, sensor in self.sensors for series in sensor.series]

    def _try(self, name, function, *args):
        try:
            return function(*args)
        except Exception as error:
            self.problems.append("%s: %s" % (name, error or type(error).__name__))
            return None

    def start(self) -> int:
        """Begin to measure; return the milliseconds until everything can be read."""
        longest = 0
        for name, sensor in self.sensors:
            longest = max(longest, self._try(name, sensor.start) or 0)
        return longest

    def read(self):
        """[(index of the series, value)] of what could be measured."""
        measured = []
        index = 0
        for name, sensor in self.sensors:
            values = self._try(name, sensor.read)
            for i, series in enumerate(sensor.series):
                value = values[i] if values else None
                if value is not None:
                    if series.lowest <= value <= series.highest:
                        measured.append((index + i, value))
                    else:
                        self.problems.append("%s: %s out of range" % (name, value))
            index += len(sensor.series)
            self.battery_mv = getattr(sensor, "millivolts", self.battery_mv)
        return measured


def _make(entry):
    name = entry["driver"]
    if name not in DRIVERS:
        raise ValueError("unknown driver")
    package = __import__("dormouse.sensors." + name)
    return getattr(package.sensors, name).Sensor(entry)
