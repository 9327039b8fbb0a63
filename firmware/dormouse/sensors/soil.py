"""A capacitive soil moisture sensor at the ADC pin.

Settings: `dry` and `wet`, what the ADC reads (0..1024) in air and in water; each has its own. The
defaults are those of a "v1.2" on a NodeMCU's A0, 2.7 V and 1.3 V through its divider.
"""

from machine import ADC

from dormouse.sensors import Series

_SAMPLES = 4


class Sensor:
    """Percent between dry and wet, taken as linear, as a humidity."""

    deadline = None

    def __init__(self, entry):
        self.adc = ADC(0)
        self.dry = entry.get("dry", 864)
        self.wet = entry.get("wet", 416)
        self.series = [Series("HumiditySensor", "CurrentRelativeHumidity", 0, 0, 100)]

    def start(self) -> int:
        """Nothing to wait for."""
        if self.dry == self.wet:
            raise OSError("dry and wet are the same")
        return 0

    def read(self):
        """[percent]."""
        counts = sum(self.adc.read() for _ in range(_SAMPLES)) / _SAMPLES
        percent = (self.dry - counts) * 100 / (self.dry - self.wet)
        # Nothing is that much dryer than air or wetter than water.
        if not -25 <= percent <= 125:
            raise OSError("the ADC reads %d: not connected, or other limits?" % counts)
        return [min(100, max(0, percent))]
