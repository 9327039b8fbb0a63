"""An I2C bus at its two lines (NXP UM10204): starts, stops, bits, acknowledgements."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

__all__ = ["I2cLines"]

_LONGEST_READ = 64  # bytes: how many a master wants is known when it has had them


class _Phase(Enum):
    IDLE = auto()
    RECEIVING = auto()
    ACKNOWLEDGING = auto()
    SENDING = auto()
    ACKNOWLEDGED = auto()  # or not: the master says whether it wants more


class I2cLines:
    """The bus on two pins; `bus` is the stand-ins' i2c_bus, whose chips take and give bytes.

    A chip gets what was written when the transfer ends, so that every byte is acknowledged once it
    has its address. With the world's `i2c_line` a line is held low.
    """

    def __init__(self, scl: int, sda: int, bus: Any) -> None:
        self._scl_pin, self._sda_pin, self._bus = 1 << scl, 1 << sda, bus
        self._scl = self._sda = True
        self._phase = _Phase.IDLE
        self._pulls = False
        self._byte = self._count = 0
        self._chip: Any = None
        self._written = bytearray()
        self._data = b""
        self._reads = self._wants_more = False

    def pulled(self, now_us: int) -> int:  # noqa: ARG002  # as for every part
        """SDA for a 0 or an acknowledgement; what is held."""
        held = {"scl": self._scl_pin, "sda": self._sda_pin}.get(
            self._bus.world.get("i2c_line") or "", 0
        )
        return held | (self._sda_pin if self._pulls else 0)

    def follow(self, low: int, now_us: int) -> None:  # noqa: ARG002  # the master has the clock
        """The master moved a line."""
        scl, sda = not low & self._scl_pin, not low & self._sda_pin and not self._pulls
        if scl and self._scl:
            if sda != self._sda:
                self._stop() if sda else self._start()
        elif scl:
            self._clock_rises(sda)
        elif self._scl:
            self._clock_falls()
            sda = not low & self._sda_pin and not self._pulls
        self._scl, self._sda = scl, sda

    def _start(self) -> None:
        self._deliver()
        self._chip = None
        self._receive()

    def _stop(self) -> None:
        self._deliver()
        self._phase, self._pulls = _Phase.IDLE, False

    def _receive(self) -> None:
        self._phase, self._byte, self._count, self._pulls = _Phase.RECEIVING, 0, 0, False

    def _send(self) -> None:
        """The next byte's first bit."""
        self._byte = self._data[0] if self._data else 0xFF
        self._data = self._data[1:]
        self._phase, self._count = _Phase.SENDING, 0
        self._pulls = not self._byte & 0x80

    def _clock_rises(self, sda: bool) -> None:
        if self._phase is _Phase.RECEIVING:
            self._byte = self._byte << 1 | sda
            self._count += 1
        elif self._phase is _Phase.ACKNOWLEDGED:
            self._wants_more = not sda

    def _clock_falls(self) -> None:
        match self._phase:
            case _Phase.RECEIVING if self._count == 8:  # bits
                if self._takes(self._byte):
                    self._phase, self._pulls = _Phase.ACKNOWLEDGING, True
                else:
                    self._phase = _Phase.IDLE
            case _Phase.ACKNOWLEDGING:
                if self._reads:
                    self._send()
                else:
                    self._receive()
            case _Phase.SENDING:
                self._count += 1
                if self._count == 8:  # bits
                    self._phase, self._pulls = _Phase.ACKNOWLEDGED, False
                else:
                    self._pulls = not self._byte << self._count & 0x80
            case _Phase.ACKNOWLEDGED:
                if self._wants_more:
                    self._send()
                else:
                    self._phase = _Phase.IDLE

    def _takes(self, byte: int) -> bool:
        """Whether a byte is acknowledged: the address, or what follows it."""
        if self._chip is not None:
            self._written.append(byte)
            return True
        self._reads = bool(byte & 1)
        try:
            chip = self._bus.chip(byte >> 1)
            if chip is not None and self._reads:
                self._data = chip.read(_LONGEST_READ)
        except (OSError, self._bus.Nack):
            return False
        self._chip = chip
        return chip is not None

    def _deliver(self) -> None:
        if self._chip is not None and self._written:
            self._chip.write(bytes(self._written))
        self._written.clear()
