"""Which serial port the board is on, and whether it can be used."""

from __future__ import annotations

import errno
import fcntl
import getpass
import grp
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports

from host.errors import HostError

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


# _IOR('T', 0x40, int): whether TIOCEXCL was set; the module termios does not name it.
_TIOCGEXCL = 0x80045440


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
        remedy = (
            f"join the group {group} (sudo usermod -aG {group} {_user()}), then log in again"
            if group
            else "its owner alone may (udev rules give it to a group)"
        )
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
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise _unusable(device, error) from None
    try:
        if not os.isatty(descriptor):
            raise NoPortError(f"{device}: not a serial port{_known()}")
        if _locked(descriptor):
            raise _busy(device)
    finally:
        os.close(descriptor)


def _unusable(device: str, error: OSError) -> HostError:
    if error.errno in {errno.EACCES, errno.EPERM}:
        return PortPermissionError(device, _group(device))
    if error.errno == errno.EBUSY:
        return _busy(device)
    if error.errno == errno.ENOENT:
        return NoPortError(f"{device}: there is no such port{_known()}")
    return NoPortError(f"{device}: cannot be opened: {error.strerror}{_known()}")


def _known() -> str:
    available = ports()
    return f"; there is {', '.join(str(port) for port in available)}" if available else ""


def _group(device: str) -> str | None:
    """The group whose members may read and write the device (dialout, uucp), if there is one."""
    try:
        stat = Path(device).stat()
        # Root's own group is nobody's advice.
        shared = stat.st_gid != 0 and stat.st_mode & 0o060 == 0o060
        return grp.getgrgid(stat.st_gid).gr_name if shared else None
    except (OSError, KeyError):
        return None


def _busy(device: str) -> PortBusyError:
    return PortBusyError(f"{device}: in use by {_holder(device)}; end that first")


def _locked(descriptor: int) -> bool:
    """Whether another program holds the port, in either of the two customary ways."""
    # Terminal programs forbid further opening; root may open all the same, and would disturb.
    if sys.platform == "linux" and any(fcntl.ioctl(descriptor, _TIOCGEXCL, bytes(4))):
        return True
    try:
        # What pyserial does, so esptool and mpremote too.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Closing alone would not do while a child that is being started has the descriptor as well.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    return False


def _holder(device: str) -> str:
    """Who has the device open: "screen (pid 123)", as far as Linux shows it to us."""
    meant = os.path.realpath(device)
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(os.path.realpath(opened) == meant for opened in (process / "fd").iterdir()):
                name = (process / "comm").read_text("utf-8", "replace").strip()
                return f"{name} (pid {process.name})"
        except OSError:
            continue  # ended meanwhile, or another user's
    return "another program"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "<you>"
