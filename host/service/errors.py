"""What can go wrong with the service."""

from __future__ import annotations

from host.errors import HostError

__all__ = ["NotInstalledError", "ServiceError", "UnreachableProgramError"]


class ServiceError(HostError):
    """The service cannot be installed, looked at or removed."""

    exit_status = 73


class NotInstalledError(ServiceError):
    """There is no service here: `dormouse service install` makes one."""


class UnreachableProgramError(ServiceError):
    """The service's user could not run the program, or reach the folder."""
