"""The battery's voltage at the ADC pin, through the board's divider.

Settings: `scale_mv`, the voltage at the battery that reads 1024 (3200 on NodeMCU and D1 mini: 220k
over 100k to 1.0 V), `empty_mv`, `full_mv`.
"""

from machine import ADC

from dormouse.sensors import Series

# Below this level HomeKit warns.
_LOW_PERCENT = 15
# One conversion is noisy by some counts while the radio is on.
_SAMPLES = 4


class Sensor:
    """Percent between empty and full, taken as linear."""

    def __init__(self, entry):
        self.adc = ADC(0)
        self.scale = entry.get("scale_mv", 3200)
        self.empty = entry.get("empty_mv", 2400)
        self.full = entry.get("full_mv", 3200)
        self.millivolts = None
        self.series = [
            Series("BatteryService", "BatteryLevel", 0, 0, 100),
            Series("BatteryService", "StatusLowBattery", 0, 0, 1, recorded=False),
        ]

    def start(self) -> int:
        """Nothing to wait for."""
        return 0

    def read(self):
        """[percent, 1 when low]."""
        counts = sum(self.adc.read() for _ in range(_SAMPLES))
        self.millivolts = counts * self.scale // (1024 * _SAMPLES)
        percent = (self.millivolts - self.empty) * 100 // (self.full - self.empty)
        percent = min(100, max(0, percent))
        return [percent, 1 if percent <= _LOW_PERCENT else 0]
