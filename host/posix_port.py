"""A serial port as Linux and macOS have it: a device file with an owner, a group and locks."""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import sys
from pathlib import Path

__all__ = ["CannotOpenError", "PortLockedError", "group", "holder", "try_out"]

# _IOR('T', 0x40, int): whether TIOCEXCL was set; the module termios does not name it.
_TIOCGEXCL = 0x80045440


class CannotOpenError(Exception):
    """The port cannot be opened; `code` is the system's errno, ENOTTY for what is no port."""

    def __init__(self, code: int) -> None:
        super().__init__(os.strerror(code))
        self.code = code


class PortLockedError(Exception):
    """Another program holds the port."""


def try_out(device: str) -> None:
    """Return if the port can be opened and nobody else has it.

    Raises CannotOpenError, PortLockedError.
    """
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise CannotOpenError(error.errno or errno.EIO) from None
    try:
        if not os.isatty(descriptor):
            raise CannotOpenError(errno.ENOTTY)
        if _locked(descriptor):
            raise PortLockedError
    finally:
        os.close(descriptor)


def group(device: str) -> str | None:
    """The group whose members may read and write the device (dialout, uucp), if there is one."""
    try:
        stat = Path(device).stat()
        # Root's own group is nobody's advice.
        shared = stat.st_gid != 0 and stat.st_mode & 0o060 == 0o060
        return grp.getgrgid(stat.st_gid).gr_name if shared else None
    except (OSError, KeyError):
        return None


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


def holder(device: str) -> str:
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
