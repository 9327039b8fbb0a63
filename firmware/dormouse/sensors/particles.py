"""What particle sensors share: their series, their fan, the words for their air."""

from machine import Pin

from dormouse.sensors import Series
from dormouse.sensors.serial_frames import Frames

# Fan and laser want 30 s before what they say is steady (data sheets of PMS5003 and SDS011).
_WARM_UP_MS = 30000
# ug/m3, of both.
_MOST = 1000
# Bounds of PM2.5 in ug/m3 between HomeKit's five words, after the European Air Quality Index.
_BOUNDS = (10, 20, 25, 50)


class Particles:
    """PM2.5 and PM10. Settings: `rx` (3, or 13), `set` (the pin that switches its fan, if any)."""

    deadline = None

    def __init__(self, entry, head: bytes, length: int):
        self.frames = Frames(entry.get("rx", 3), head, length, self.whole)
        number = entry.get("set")
        self.fan = None if number is None else Pin(number, Pin.OUT)
        self.listening = False
        self.series = [
            Series("AirQualitySensor", "AirQuality", 0, 1, 5, recorded=False),
            Series("AirQualitySensor", "PM2.5Density", 1, 0, _MOST),
            Series("AirQualitySensor", "PM10Density", 1, 0, _MOST),
        ]

    def whole(self, frame: bytes) -> bool:
        """Whether a frame is as it was sent."""
        raise NotImplementedError  # each of the two sensors says it

    def densities(self, frame: bytes):
        """(PM2.5, PM10) in ug/m3."""
        raise NotImplementedError  # each of the two sensors says it

    def start(self) -> int:
        """Switch the fan on, if that is ours to do: then it takes 30 s."""
        if self.fan is None:
            self.frames.open()
            self.listening = True
            return 0
        self.fan.value(1)
        self.listening = False
        return _WARM_UP_MS

    def read(self):
        """[HomeKit's word for the air, PM2.5, PM10]."""
        if self.fan is not None and self.deadline is not None and not self.deadline.left():
            self.fan.value(0)
            raise OSError("it takes 30 s to be steady: deadline_ms is too short")
        try:
            if not self.listening:
                self.frames.open()
            fine, coarse = self.densities(self.frames.newest(self.deadline))
            if max(fine, coarse) > _MOST:
                raise OSError("%g ug/m3 is more than it can measure" % max(fine, coarse))
        finally:
            self.listening = False
            self.frames.close()
            if self.fan is not None:
                self.fan.value(0)
        return [1 + sum(fine >= bound for bound in _BOUNDS), fine, coarse]
