"""How many files and sockets this machine gives a process, and what the hub does with them."""

from __future__ import annotations

import contextlib
import resource
from dataclasses import dataclass

__all__ = ["Descriptors", "raise_limit"]

# More than a home ever needs, and few enough that no program which sets up a table of them starves.
_ENOUGH = 65536
# Database, children, firmware, exports, the private socket with the command line.
_RESERVE = 256
# mosquitto's own: listeners, store, log, and the hub's connection.
_BROKER_RESERVE = 64


def raise_limit() -> int:
    """As many open files as the system lets this process have; children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return _ENOUGH if soft == resource.RLIM_INFINITY else min(soft, _ENOUGH)


@dataclass(frozen=True, slots=True)
class Descriptors:
    """Connections for each door, out of `limit` open files of a process.

    The hub's process has HTTP and HomeKit; each broker is a process with as many files again.
    """

    limit: int

    @property
    def http(self) -> int:
        """On the HTTP port."""
        return max(8, min(4096, (self.limit - _RESERVE) // 2))

    @property
    def homekit(self) -> int:
        """Of all HomeKit bridges together."""
        return max(8, min(2048, (self.limit - _RESERVE) // 4))

    @property
    def mqtts(self) -> int:
        """On the broker's TLS listener: people's tools."""
        return max(8, min(100, self.limit // 10))

    @property
    def mqtt(self) -> int:
        """On the devices' listener, beside it in the same process."""
        return max(8, min(20000, self.limit - _BROKER_RESERVE - self.mqtts))

    @property
    def enrolment(self) -> int:
        """On the listener for enrolments."""
        return max(8, min(1000, self.limit - _BROKER_RESERVE))
