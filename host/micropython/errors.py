"""Why no firmware can be built from a folder of MicroPython's sources; exit statuses 55 to 59."""

from __future__ import annotations

from host.errors import HostError

__all__ = [
    "BuildFailedError",
    "NoCompilerError",
    "NoSubmodulesError",
    "NotMicroPythonError",
    "SourcesVersionError",
]


class NotMicroPythonError(HostError):
    """The folder has no sources of MicroPython's ESP8266 port."""

    exit_status = 55


class NoSubmodulesError(HostError):
    """Sources that MicroPython takes from other repositories are missing."""

    exit_status = 56


class SourcesVersionError(HostError):
    """The sources' version is unknown, changed, or too old."""

    exit_status = 57


class NoCompilerError(HostError):
    """There is no compiler for the chip, or no SDK for it."""

    exit_status = 58


class BuildFailedError(HostError):
    """MicroPython's make ended with an error."""

    exit_status = 59
