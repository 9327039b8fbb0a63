"""Which serial port the board is on, and whether it can be used."""

from __future__ import annotations

import errno
import getpass
import sys
from dataclasses import dataclass

import serial
from serial.tools import list_ports

from host.errors import HostError

if sys.platform != "win32":  # Windows has none of what it imports
    from host import posix_port

__all__ = [
    "NoPortError",
    "Port",
    "PortBusyError",
    "PortPermissionError",
    "SeveralPortsError",
    "check",
    "choose",
    "ports",
]


# What ports are called where, for people who name one that there is not.
_NAMES = {"win32": "COM3", "darwin": "/dev/cu.usbserial-0001"}


class NoPortError(HostError):
    """No serial port found: connect the board with a USB cable that carries data."""

    exit_status = 40


class SeveralPortsError(HostError):
    """Several boards may be meant; `candidates` are their ports."""

    exit_status = 41

    def __init__(self, candidates: list[Port]) -> None:
        names = ", ".join(str(port) for port in candidates)
        super().__init__(f"several serial ports: {names}; say which with --port")
        self.candidates = candidates


class PortBusyError(HostError):
    """Another program uses the port."""

    exit_status = 42


class PortPermissionError(HostError):
    """The port may not be used; `group` is who may (None: nobody but its owner)."""

    exit_status = 43

    def __init__(self, device: str, group: str | None) -> None:
        if sys.platform != "linux":
            remedy = "whoever looks after this machine can give it to you"
        elif group:
            remedy = (
                f"join the group {group} (sudo usermod -aG {group} {_user()}), then log in again"
            )
        else:
            remedy = "its owner alone may (udev rules give it to a group)"
        super().__init__(f"{device}: no permission to use it: {remedy}")
        self.group = group


@dataclass(frozen=True, slots=True)
class Port:
    """A port as the system names it, and what its USB chip calls itself ("" if not USB)."""

    device: str
    description: str = ""

    def __str__(self) -> str:
        return f"{self.device} ({self.description})" if self.description else self.device


def ports() -> list[Port]:
    """The ports that a board may be on, by name: USB ones, the others only if there is none."""
    every = sorted(list_ports.comports(), key=lambda port: str(port.device))
    usb = [
        Port(port.device, port.product or port.description)
        for port in every
        if port.vid is not None
    ]
    return usb or [Port(port.device) for port in every]


def choose(port: str | None = None) -> str:
    """The port to use: `port`, or the only one there is; it can be opened (see `check`).

    Raises NoPortError, SeveralPortsError, PortBusyError or PortPermissionError.
    """
    if port is None:
        available = ports()
        if not available:
            raise NoPortError
        if len(available) > 1:
            raise SeveralPortsError(available)
        port = available[0].device
    check(port)
    return port


def check(device: str) -> None:
    """Return if `device` can be opened and nobody else has it; a URL (rfc2217://) is not checked.

    Raises NoPortError, PortBusyError or PortPermissionError.
    """
    if "://" in device:
        return
    if sys.platform == "win32":
        _check_windows(device)
    else:
        _check_posix(device)


def _check_posix(device: str) -> None:
    try:
        posix_port.try_out(device)
    except posix_port.PortLockedError:
        raise _busy(device, posix_port.holder(device)) from None
    except posix_port.CannotOpenError as error:
        match error.code:
            case errno.EACCES | errno.EPERM:
                raise PortPermissionError(device, posix_port.group(device)) from None
            case errno.EBUSY:
                raise _busy(device, posix_port.holder(device)) from None
            case errno.ENOTTY:
                raise NoPortError(f"{device}: not a serial port{_known()}") from None
            case errno.ENOENT:
                raise NoPortError(f"{device}: there is no such port{_known()}") from None
            case _:
                raise NoPortError(f"{device}: cannot be opened: {error}{_known()}") from None


# Windows' errors as Python names them: pyserial has them in its text alone.
_NOT_FOUND, _DENIED = "FileNotFoundError(", "PermissionError("


def _check_windows(device: str) -> None:
    """Windows lets one program open a port, and says no more of another than that it may not."""
    try:
        serial.Serial(device).close()
    except (serial.SerialException, OSError, ValueError) as error:
        said = str(error)
        if _DENIED in said:
            raise _busy(device, "another program") from None
        if _NOT_FOUND in said:
            raise NoPortError(f"{device}: there is no such port{_known()}") from None
        raise NoPortError(f"{device}: cannot be opened: {said}{_known()}") from None


def _known() -> str:
    available = ports()
    if available:
        return f"; there is {', '.join(str(port) for port in available)}"
    example = _NAMES.get(sys.platform, "/dev/ttyUSB0")
    return f"; ports are called like {example} here, and there is none"


def _busy(device: str, who: str) -> PortBusyError:
    return PortBusyError(f"{device}: in use by {who}; end that first")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "<you>"
