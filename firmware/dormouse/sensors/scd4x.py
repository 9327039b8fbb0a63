"""SCD40 and SCD41 over I2C: carbon dioxide, temperature, humidity.

Settings: `scl`, `sda`, `alarm_ppm` (1000: from there the air is called bad).

Commands, times and formulas are those of Sensirion's data sheet "SCD4x" (3.5, 3.6, 3.9). It has one
address. The periodic measurement is begun and stopped, since only the SCD41 measures once.
"""

import time

from micropython import const

from dormouse.sensors import Series
from dormouse.sensors.i2c_device import I2CDevice
from dormouse.sensors.sht3x import values
from dormouse.sensors.waiting import pause

_ADDRESS = const(0x62)
_STOP, _START, _READY, _READ = b"\x3f\x86", b"\x21\xb1", b"\xe4\xb8", b"\xec\x05"
_STOP_MS = const(500)
_MEASURE_MS = const(5000)
_POLL_MS = const(100)
_LATE_MS = const(1500)
# Of the word that says whether there is a measurement.
_ANY = const(0x07FF)
# ppm
_MOST = const(40000)


class Sensor:
    """One measurement when asked, within 5.5 s."""

    deadline = None

    def __init__(self, entry):
        # 100 kHz is what it is specified for.
        self.device = I2CDevice(entry, _ADDRESS, freq=100000)
        self.alarm = entry.get("alarm_ppm", 1000)
        self.series = [
            Series("CarbonDioxideSensor", "CarbonDioxideLevel", 0, 1, _MOST),
            Series("CarbonDioxideSensor", "CarbonDioxideDetected", 0, 0, 1, recorded=False),
            Series("TemperatureSensor", "CurrentTemperature", 2, -10, 60),
            Series("HumiditySensor", "CurrentRelativeHumidity", 2, 0, 100),
        ]

    def start(self) -> int:
        """Stop what goes on since another time, and begin to measure."""
        self.device.write(_STOP)
        time.sleep_ms(_STOP_MS)
        self.device.write(_START)
        return _MEASURE_MS

    def read(self):
        """[ppm, 1 from `alarm_ppm` on, degrees Celsius, percent]."""
        try:
            words = self._words()
        finally:
            self._stop()
        if not words[0]:
            raise OSError("no value: it has just got power")
        if words[0] > _MOST:
            raise OSError("%d ppm is more than it can measure" % words[0])
        return [words[0], 1 if words[0] >= self.alarm else 0] + values(words[1:])

    def _words(self):
        """What it measured, once it has."""
        waited = 0
        while not self._word(_READY) & _ANY:
            if waited >= _LATE_MS or not pause(_POLL_MS, self.deadline):
                raise OSError("not ready: it takes 5 s, deadline_ms may be too short")
            waited += _POLL_MS
        self.device.write(_READ)
        time.sleep_ms(1)
        return self.device.words(3)

    def _stop(self) -> None:
        """15 mA less until the next time."""
        try:
            self.device.write(_STOP)
        except OSError:
            # Then it is told so at the next start.
            pass

    def _word(self, command: bytes) -> int:
        self.device.write(command)
        time.sleep_ms(1)
        return self.device.words(1)[0]
