"""The battery's voltage at the ADC pin, through the board's divider.

Settings: `scale_mv`, the voltage at the battery that reads 1024 (3200 on NodeMCU and D1 mini: 220k
over 100k to 1.0 V), `empty_mv`, `full_mv`.
"""

from machine import ADC
from micropython import const

from dormouse.sensors import Series

# Below this level HomeKit warns.
_LOW_PERCENT = const(15)
# One conversion is noisy by some counts while the radio is on.
_SAMPLES = const(4)
# What the pin reads at its limit.
_LIMIT, _FULL = const(1023), const(1024)


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
        """Nothing to wait for. Raises OSError where the battery cannot be measured at all."""
        self.millivolts = None
        if self.full <= self.empty:
            raise OSError("full_mv %d is not above empty_mv %d" % (self.full, self.empty))
        if self.scale <= self.empty:
            # The pin takes 1.0 V, so without a divider every battery is beyond it.
            raise OSError(
                "cannot be measured: the pin reads up to scale_mv %d, empty_mv is %d: a divider?"
                % (self.scale, self.empty)
            )
        return 0

    def read(self):
        """[percent, 1 when low]."""
        counts = [self.adc.read() for _ in range(_SAMPLES)]
        if max(counts) > _FULL:
            # What the SDK says while the ADC is set up for the supply.
            raise OSError("the ADC reads %d: it does not measure its pin" % max(counts))
        total = sum(counts)
        millivolts = total * self.scale // (1024 * _SAMPLES)
        if millivolts * 2 < self.empty:
            # At half of what is empty nothing would run: this is no battery.
            raise OSError("%d mV at the ADC pin: is the battery wired to it?" % millivolts)
        if min(counts) >= _LIMIT and self.scale < self.full:
            raise OSError("over %d mV, the most that the pin reads: scale_mv?" % millivolts)
        self.millivolts = millivolts
        percent = (millivolts - self.empty) * 100 // (self.full - self.empty)
        percent = min(100, max(0, percent))
        return [percent, 1 if percent <= _LOW_PERCENT else 0]
