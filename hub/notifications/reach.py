"""Which addresses a message may go to, and what keeps the sending process to them.

A channel's address is named by people, and what answers there need not be what they say: a name
can lead to an address of this house, a service can send on to another. So it is looked at where
a connection is made, whoever makes it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

__all__ = ["ChannelReach", "guard", "networks"]

_NAT64 = ip_network("64:ff9b::/96")
_STARTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"})
_SYSLOG = "syslog."
_CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
# Beside the interpreter's own: zones, certificates, the random device.
_READ = ("/usr/share/zoneinfo", "/etc/ssl", "/usr/share/ca-certificates", "/dev/", "/etc/mime")


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks separated by commas: `192.168.1.0/24, fd00::/8`. Raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


class ChannelReach(threading.local):
    """Public addresses and those of `allowed` networks; `anywhere`: every one.

    Each thread has its own `anywhere`, and its own `refused`: what it was refused last.
    """

    def __init__(self, allowed: tuple[IPv4Network | IPv6Network, ...] = ()) -> None:
        self.allowed = allowed
        self.anywhere = False
        self.refused = ""

    def may(self, host: str) -> bool:
        """Whether an address, as text, may be spoken to; a name is none."""
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return False
        return self.anywhere or all(
            (one.is_global and not one.is_multicast) or any(one in net for net in self.allowed)
            for one in _meant(address)
        )


def guard(reach: ChannelReach) -> None:
    """From now on this process connects where `reach` says, and starts and reads nothing else.

    There is no way back: it is for a process of its own.
    """
    own = tuple({str(Path(p).resolve()) for p in (sys.prefix, sys.base_prefix, *sys.path) if p})
    readable = (*own, *_READ)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in _CONNECTS:
            _check(reach, args)
        elif event in _STARTS or (event.startswith(_SYSLOG) and not reach.anywhere):
            raise _refused(reach, f"{event} is not for messages")
        elif event == "open" and not _may_read(readable, *args):
            raise _refused(reach, f"{args[0]!r} is a file that is not for messages")

    sys.addaudithook(hook)


def _check(reach: ChannelReach, args: tuple[Any, ...]) -> None:
    address = args[1] if len(args) > 1 else None
    if address is None:  # connected before
        return
    host = str(address[0]) if isinstance(address, tuple) and address else ""
    if not host:
        raise _refused(reach, "a socket of this machine is not for messages")
    if not reach.may(host):
        raise _refused(
            reach,
            f"{host} is no public address: this channel may not reach it (the hub's setting "
            "notify_networks allows networks)",
        )


def _refused(reach: ChannelReach, why: str) -> PermissionError:
    reach.refused = why
    return PermissionError(why)


def _may_read(readable: Iterable[str], path: Any, mode: Any, flags: int) -> bool:
    if isinstance(path, int):
        return True
    # Symbolic links of an installation lead elsewhere; what is named is what counts.
    name = str(Path(path.decode() if isinstance(path, bytes) else str(path)).absolute())
    # 3: whether it is written (os.O_ACCMODE).
    writes = bool(flags & 3) or any(letter in str(mode or "r") for letter in "wax+")
    return ".." not in name and not writes and name.startswith(tuple(readable))


def _meant(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address, and the one of IPv4 that it stands for."""
    if isinstance(address, IPv4Address):
        return [address]
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    if address in _NAT64:
        inner = IPv4Address(address.packed[-4:])
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    return [address] if inner is None else [address, inner]
