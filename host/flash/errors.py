"""What can go wrong while a board is flashed; the port's own errors are in host.serial_port."""

from __future__ import annotations

from host.errors import HostError

__all__ = [
    "BoardRefusedError",
    "BootFailedError",
    "FlashModeError",
    "InterruptedFlashError",
    "NoLoaderError",
    "UnsignedError",
    "VerifyError",
    "WrongChipError",
    "WrongFlashMapError",
]


class NoLoaderError(HostError):
    """The chip's loader does not answer."""

    exit_status = 44


class WrongChipError(HostError):
    """The chip is no ESP8266."""

    exit_status = 45


class BoardRefusedError(HostError):
    """The board cannot carry a bootloader and an application that it updates."""

    exit_status = 46


class FlashModeError(HostError):
    """The board's flash does not work in this mode."""

    exit_status = 47


class InterruptedFlashError(HostError):
    """Writing ended in the middle; the same command again repairs it."""

    exit_status = 48


class VerifyError(HostError):
    """The flash does not hold what was written."""

    exit_status = 49


class BootFailedError(HostError):
    """Everything was written, but the board does not start it."""

    exit_status = 50


class WrongFlashMapError(HostError):
    """Built for another flash map than the one it is written by."""

    exit_status = 54


class UnsignedError(HostError):
    """The application is not signed, and the bootloader would not start it."""

    exit_status = 68
