"""The UART with what talks at it: bytes in their time, and a buffer that overflows."""

import utime
import world

heard = None
"""What is at the line instead of the world's `serial`: bytes, as if they had come by now."""


class UART:
    """UART 0 of the port; the stand-in's frames are `<name>_chip.frame()`, every `EVERY_MS`."""

    def __init__(self, id, baudrate=115200, bits=8, parity=None, stop=1, **options):
        if id not in (0, 1):
            raise ValueError("UART(%d) does not exist" % id)
        pins = [options[name].id for name in ("tx", "rx") if name in options]
        if pins not in ([], [1, 3], [15, 13]):
            raise ValueError("invalid tx/rx")
        self.size = options.get("rxbuf", 15)
        self.buffer = bytearray()
        name = world.get("serial")
        self.chip = (
            __import__(name + "_chip") if name and name not in world.get("missing") else None
        )
        if self.chip and self.chip.BAUD != baudrate:
            self.chip = None
        self.last = utime.ticks_ms()

    def _listen(self):
        global heard
        if heard is not None:
            self.buffer.extend(heard)
            heard = b""
        elif self.chip:
            while utime.ticks_diff(utime.ticks_ms(), self.last) >= self.chip.EVERY_MS:
                self.last = utime.ticks_add(self.last, self.chip.EVERY_MS)
                self.buffer.extend(self.chip.frame())
        # What does not fit is lost as it comes.
        self.buffer = self.buffer[: self.size]

    def any(self):
        self._listen()
        return len(self.buffer)

    def read(self, count=None):
        self._listen()
        if not self.buffer:
            return None
        count = len(self.buffer) if count is None else count
        data, self.buffer = bytes(self.buffer[:count]), self.buffer[count:]
        return data

    def write(self, data):
        return len(data)
