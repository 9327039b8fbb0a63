"""Network namespaces of a test's own: a home's network, and what becomes of it."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

_COUNT = itertools.count()
_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace by its name; `within` is the command that runs another in it."""

    name: str

    @property
    def within(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name)

    def ip(self, arguments: str) -> str:
        """`ip` in it. Raises CalledProcessError."""
        return _run("ip", "-n", self.name, *arguments.split())

    def socket(self, kind: socket.SocketKind) -> socket.socket:
        """A socket of this process that belongs to it. Raises OSError."""

        def enter_and_make() -> socket.socket:
            with open(f"/run/netns/{self.name}") as handle:  # noqa: PTH123  # its number is wanted
                if _LIBC.setns(handle.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            return socket.socket(socket.AF_INET, kind)

        # A thread has a namespace of its own, and this one ends with it.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(enter_and_make).result()

    def run(self, *argv: str) -> str:
        """A program in it; what it printed."""
        return _run(*self.within, *argv)


def _run(*argv: str) -> str:
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise AssertionError(f"{' '.join(argv)}: {done.stderr}")
    return done.stdout


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    """A namespace without any network, gone at the end. Skips where this user may have none."""
    name = f"dormouse-{os.getpid()}-{next(_COUNT)}"
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no network namespaces for this user: {made.stderr.strip()}")
    try:
        yield Namespace(name)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)
