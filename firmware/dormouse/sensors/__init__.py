"""What can be attached. A driver is one file here and one line in DRIVERS.

A driver module has a class `Sensor`: made with its entry in the settings (without a word to the
hardware), it has `series` (a list of Series), `start()` that begins a measurement and returns the
milliseconds it takes, and `read()` that returns one value for each series, None where there is
none. Both raise OSError with a text for people when the hardware does not answer, or says what is
not to be believed; what was not started is not read. A driver that waits in `read()` keeps to its
`deadline`, where it was given one. `notes` are what it says beside its values.
"""

DRIVERS = (
    "aht10",
    "aht20",
    "battery",
    "bh1750",
    "bme280",
    "bmp280",
    "contact",
    "dht22",
    "ds18b20",
    "motion",
    "pms5003",
    "scd4x",
    "sds011",
    "sht3x",
    "sht4x",
    "soil",
)

# Sensors of one kind are told apart by the index in their topics.
_INDEXED = "%s/%d/%s"


class Series:
    """One characteristic that a sensor measures.

    `service` and `characteristic` are HomeKit's names; a value outside lowest..highest is a fault
    of the sensor and not sent; what is not `recorded` is said for now alone, and not kept.
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
    """All sensors of the settings; what fails is named in `problems` and leaves the others be.

    `wake_s` is how long a device may sleep at most for their sake, None for as long as it is set.
    """

    def __init__(self, entries):
        self.problems = []
        self.sensors = []
        self.battery_mv = None
        self.wake_s = None
        # Those whose measurement did not begin: what they hold is of another time.
        self.idle = set()
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
        except KeyError as error:
            self.problems.append("%s: its setting %s is missing" % (name, error))
        except Exception as error:
            self.problems.append("%s: %s" % (name, str(error) or type(error).__name__))
        return None

    def start(self) -> int:
        """Begin to measure; return the milliseconds until everything can be read."""
        longest = 0
        self.idle = set()
        for name, sensor in self.sensors:
            before = len(self.problems)
            longest = max(longest, self._try(name, sensor.start) or 0)
            if len(self.problems) > before:
                self.idle.add(sensor)
        return longest

    def read(self, deadline=None):
        """[(index of the series, value)] of what could be measured, `deadline` kept."""
        measured = []
        index = 0
        self.wake_s = None
        for name, sensor in self.sensors:
            values = None
            if sensor not in self.idle:
                sensor.deadline = deadline
                values = self._try(name, sensor.read)
            for i, series in enumerate(sensor.series):
                value = values[i] if values and i < len(values) else None
                if value is not None:
                    if series.lowest <= value <= series.highest:
                        measured.append((index + i, value))
                    else:
                        self.problems.append("%s: %g out of range" % (name, value))
            index += len(sensor.series)
            self._note(name, sensor)
        return measured

    def _note(self, name, sensor):
        """What a sensor says beside its values."""
        self.battery_mv = getattr(sensor, "millivolts", self.battery_mv)
        for note in getattr(sensor, "notes", ()):
            self.problems.append("%s: %s" % (name, note))
        wake_s = getattr(sensor, "wake_s", None)
        if wake_s:
            self.wake_s = min(wake_s, self.wake_s or wake_s)


def _make(entry):
    name = entry["driver"]
    if name not in DRIVERS:
        raise ValueError("unknown driver")
    package = __import__("dormouse.sensors." + name)
    return getattr(package.sensors, name).Sensor(entry)
