"""A motion sensor (PIR) with a pin that is high while it sees motion.

Settings: `pin`, `hold_s` (60: after so long a device that saw motion looks whether it is over).

The device wakes by its timer as ever, and at once if the sensor pulls RST low for a moment
(docs/hardware.md says how it is wired).
"""

from machine import Pin

from dormouse.sensors import contact


class Sensor(contact.Sensor):
    """Whether something moves now."""

    service, characteristic = "MotionSensor", "MotionDetected"

    def __init__(self, entry):
        super().__init__({"pin": entry["pin"], "open": 1})
        # Its output drives the line both ways: a pull-up would only cost current.
        self.pin = Pin(entry["pin"], Pin.IN)
        self.hold_s = entry.get("hold_s", 60)

    def read(self):
        """[1 while something moves]."""
        moving = self._level()
        self.wake_s = self.hold_s if moving else contact.Sensor.wake_s
        return [moving]
