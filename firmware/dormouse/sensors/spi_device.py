"""A sensor on the SPI bus of the chip's own pins: SCK GPIO14, MISO GPIO12, MOSI GPIO13."""

from machine import SPI, Pin


class SPIDevice:
    """Who is selected by a pin of its own (setting `cs`). Raises OSError with a text for people."""

    def __init__(self, entry, baudrate: int = 1000000, polarity: int = 0, phase: int = 0):
        self.number = entry["cs"]
        self.select = Pin(self.number, Pin.OUT, value=1)
        self.spi = SPI(1, baudrate=baudrate, polarity=polarity, phase=phase)

    def read(self, count: int) -> bytes:
        """Take bytes."""
        return self.exchange(bytes(count))

    def exchange(self, data: bytes) -> bytes:
        """Send bytes and take as many."""
        answer = bytearray(len(data))
        self.select.value(0)
        try:
            self.spi.write_readinto(data, answer)
        finally:
            self.select.value(1)
        # Nobody drives the line, or it is held.
        if answer in (b"\0" * len(data), b"\xff" * len(data)):
            from dormouse.sensors.faults import pins

            raise OSError("no answer, selected by %s: wiring?" % pins(self.number))
        return bytes(answer)
