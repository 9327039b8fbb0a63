"""Ports that are chosen before anybody listens at them, or kept while nobody does.

Nobody else gets them meanwhile: neither other tests, of this run or of another on this machine, nor
whoever connects somewhere or asks the system for any port.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import random
import socket
from pathlib import Path

__all__ = ["claimed_port"]

# The byte of a port's number in this file is locked by the process whose port it is. Such a lock
# ends with the process, however that ends; the file is empty and stays, for whoever comes next.
_CLAIMS = Path("/tmp/dormouse-test-ports")
_GIVEN = Path("/proc/sys/net/ipv4/ip_local_port_range")
_NUMBERS = 12_000
# What lies between them and those that the system gives is for hubs that choose one themselves.
_HUBS = 2_000
_TRIES = 1_000
_claimed: set[int] = set()


def claimed_port(following: int = 0) -> int:
    """A free port of TCP and UDP, at all addresses, that is this process' until it ends.

    So are so many `following` ones. Raises OSError when none is found.
    """
    numbers = _kept_numbers()
    for _ in range(_TRIES):
        port = random.randrange(numbers.start, numbers.stop - following)
        ports = range(port, port + following + 1)
        if all(_claim(one) for one in ports):
            return port
    raise OSError("no port is free")


@functools.cache
def _kept_numbers() -> range:
    """Those that the system gives nobody by itself, if there are enough of them."""
    low, high = 49_152, 65_535  # where it does not say (RFC 6335)
    with contextlib.suppress(OSError):
        low, high = map(int, _GIVEN.read_text().split())
    for start in (low - _HUBS - _NUMBERS, high + 1):
        if 10_000 <= start <= 65_536 - _NUMBERS:
            return range(start, start + _NUMBERS)
    return range(20_000, 20_000 + _NUMBERS)  # it may give these as well: free when they were tried


@functools.cache
def _claims() -> int:
    """The file, open until this process ends: closed anywhere in it, all its locks were gone."""
    while True:
        with contextlib.suppress(FileNotFoundError):
            return os.open(_CLAIMS, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        with contextlib.suppress(FileExistsError):
            made = os.open(_CLAIMS, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC)
            os.fchmod(made, 0o666)  # tests of all users of this machine
            return made


def _claim(port: int) -> bool:
    if port in _claimed:
        return False
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except BlockingIOError:
        return False
    # What is bound already stays claimed, too: it is not looked at again.
    _claimed.add(port)
    return _is_free(port)


def _is_free(port: int) -> bool:
    """Whether nothing is bound to it at any address, listening or not."""
    for family, everywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                probe = socket.socket(family, kind)
            except OSError:
                continue  # a machine without IPv6
            with probe:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                try:
                    probe.bind((everywhere, port))
                except OSError:
                    return False
    return True
