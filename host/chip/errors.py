"""What can go wrong with an emulated chip; exit statuses 60 to 63."""

from __future__ import annotations

from host.errors import HostError

__all__ = ["ChipBuildError", "ChipFailedError", "NoEmulatorError", "NotABuildError"]


class NoEmulatorError(HostError):
    """QEMU for the chip's core, the emulator's sources or an lwIP for the chip are not there."""

    exit_status = 60


class NotABuildError(HostError):
    """The folder is not what MicroPython's make leaves for our board."""

    exit_status = 61


class ChipBuildError(HostError):
    """The emulator's own parts do not build, or do not link with the build's objects."""

    exit_status = 62


class ChipFailedError(HostError):
    """The emulated chip stopped as no chip does: a fault in what ran, or in the emulator."""

    exit_status = 63
