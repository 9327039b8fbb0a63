"""What can be wrong with a linked file; exit statuses 51 to 53."""

from __future__ import annotations

from host.errors import HostError

__all__ = ["LinkError", "NotLinkedError", "WrongMachineError"]


class NotLinkedError(HostError):
    """The file is no linked file that can be checked."""

    exit_status = 51


class WrongMachineError(HostError):
    """The file is linked for another kind of chip."""

    exit_status = 52


class LinkError(HostError):
    """The linked file must not be flashed."""

    exit_status = 53
