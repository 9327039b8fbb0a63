"""DHT22 (AM2302): temperature and humidity. Settings: `pin`.

Asked, it answers with what it measured when it was asked before, and measures anew; 2 s must lie
between two questions (Aosong, AM2302 data sheet, 7.3). So it is asked twice.
"""

import time

from machine import Pin
from micropython import const

from dormouse.sensors import Series
from dormouse.sensors.waiting import pause

try:
    from machine import dht_readinto
except ImportError:
    from esp import dht_readinto  # type: ignore[attr-defined,no-redef]  # before MicroPython 1.20

_PAUSE_MS = const(2000)
# Below zero the data sheet has a sign bit and a magnitude; some clones send two's complement. More
# than this magnitude, in tenths of a degree, is no temperature, so it is the other.
_LARGEST = const(400)
# Tenths of a per cent.
_MOST = const(1000)


class Sensor:
    """Two questions, and a third if an answer was damaged."""

    deadline = None

    def __init__(self, entry):
        self.number = entry["pin"]
        self.pin = Pin(self.number)
        # When it was asked last, and whether it answered since the measurement began.
        self.asked = time.ticks_ms()
        self.answered = False
        self.series = [
            Series("TemperatureSensor", "CurrentTemperature", 1, -40, 80),
            Series("HumiditySensor", "CurrentRelativeHumidity", 1, 0, 100),
        ]

    def start(self) -> int:
        """Ask it to measure; what it answers is of another time."""
        self.answered = False
        try:
            self._ask()
        except OSError:
            # It is asked again.
            pass
        return _PAUSE_MS

    def read(self):
        """[degrees Celsius, percent]."""
        problem = None
        for _ in range(2):
            wait = _PAUSE_MS - time.ticks_diff(time.ticks_ms(), self.asked)
            if wait > 0 and not pause(wait, self.deadline):
                raise problem or OSError("it takes 2 s: deadline_ms is too short")
            fresh = self.answered
            try:
                values = decode(self._ask())
            except OSError as error:
                problem = error
                continue
            if fresh:
                return values
            problem = OSError("it answers only now and then: wiring?")
        assert problem
        raise problem

    def _ask(self) -> bytes:
        """The 5 bytes that it answers. Raises OSError."""
        frame = bytearray(5)
        try:
            dht_readinto(self.pin, frame)
        except OSError:
            from dormouse.sensors.faults import pins

            raise OSError("no answer on %s: wiring?" % pins(self.number))
        finally:
            self.asked = time.ticks_ms()
        self.answered = True
        return bytes(frame)


def decode(frame: bytes):
    """[degrees Celsius, percent] of a frame. Raises OSError if it is damaged."""
    if not any(frame):
        raise OSError("nothing but zeros: the line is held low")
    if sum(frame[:4]) & 255 != frame[4]:
        raise OSError("checksum")
    percent = frame[0] << 8 | frame[1]
    if percent > _MOST and frame[1] < 10:
        # A DHT11 has whole percent and degrees in these bytes, tenths behind them: its temperature
        # would be another one.
        raise OSError("%g %% cannot be: is it a DHT11?" % (percent / 10))
    raw = frame[2] << 8 | frame[3]
    if raw & 0x8000:
        magnitude = raw & 0x7FFF
        raw = -magnitude if magnitude <= _LARGEST else raw - 0x10000
    return [raw / 10, percent / 10]
