"""The 1-Wire bus: only a place to hang sensors on."""


class OneWireError(Exception):
    """Nobody answered."""


class OneWire:
    """A bus on a pin."""

    def __init__(self, pin):
        self.pin = pin
