"""Frames of a sensor that talks by itself, at the UART.

The chip has one UART that can listen: at RX (GPIO3), or swapped at GPIO13. The prompt is taken off
it meanwhile, since bytes of a frame can be Ctrl-C, and comes back.
"""

import os
import time

from machine import UART, Pin

from dormouse.watchdog import feed

_PROMPT_BAUD = 115200
_RX, _TX, _SWAPPED_RX, _SWAPPED_TX = 3, 1, 13, 15
# Some seconds of what such sensors say.
_BUFFER = 128
_POLL_MS = 20
# They say something every 2.3 s at least.
_PATIENCE_MS = 3000


class Frames:
    """Frames of `length` bytes that begin with `head`; `whole(frame)` looks at their checksum."""

    def __init__(self, rx: int, head: bytes, length: int, whole, baud: int = 9600):
        self.rx = rx
        self.baud = baud
        self.head = head
        self.length = length
        self.whole = whole
        self.uart: UART | None = None
        self.data = bytearray()
        self.heard = False

    def open(self) -> None:
        """Begin to listen; what came before is not looked at."""
        if hasattr(os, "dupterm"):
            os.dupterm(None, 1)
        tx = _SWAPPED_TX if self.rx == _SWAPPED_RX else _TX
        self.uart = UART(0, baudrate=self.baud, tx=Pin(tx), rx=Pin(self.rx), rxbuf=_BUFFER)
        self.data = bytearray()
        self.heard = False

    def close(self) -> None:
        """Give the UART back to the prompt."""
        self.uart = None
        uart = UART(0, baudrate=_PROMPT_BAUD, tx=Pin(_TX), rx=Pin(_RX))
        if hasattr(os, "dupterm"):
            os.dupterm(uart, 1)

    def newest(self, deadline=None) -> bytes:
        """The newest whole frame; waits for one. Raises OSError."""
        end = time.ticks_add(time.ticks_ms(), _PATIENCE_MS)
        while True:
            feed()
            frame = self._take()
            if frame:
                return frame
            if time.ticks_diff(end, time.ticks_ms()) <= 0 or (deadline and not deadline.left()):
                break
            time.sleep_ms(_POLL_MS)
        if self.heard:
            raise OSError("it speaks, and no frame of it is whole: another sensor, or noise?")
        from dormouse.sensors.faults import pins

        raise OSError("nothing heard on %s: its TX goes there; power?" % pins(self.rx))

    def _take(self):
        """The newest whole frame of what was heard by now, or None."""
        assert self.uart
        # Once: a line that never falls silent is no reason to stay.
        more = self.uart.read(self.uart.any()) if self.uart.any() else None
        if more:
            self.heard = True
            self.data.extend(more)
        found = None
        at = self.data.find(self.head)
        while 0 <= at <= len(self.data) - self.length:
            frame = bytes(self.data[at : at + self.length])
            if self.whole(frame):
                found = frame
                at += self.length - 1
            at = self.data.find(self.head, at + 1)
        # What is left may be the beginning of the next one.
        self.data = self.data[-(self.length - 1) :] if not found else bytearray()
        return found
