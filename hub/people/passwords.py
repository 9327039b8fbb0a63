"""Passwords: argon2id, off the loop, a few at a time."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

__all__ = ["MAX", "MIN", "Passwords", "TooBusyError", "complaint"]

T = TypeVar("T")

MIN, MAX = 10, 200
"""Characters of a password. The upper bound keeps a request from costing more than another."""


_M_MMAP_THRESHOLD = -3  # glibc's malloc.h


class TooBusyError(Exception):
    """Too many passwords are being checked at once."""


def complaint(password: str, name: str = "") -> str | None:
    """What is wrong with a new password, None when nothing is."""
    if len(password) < MIN:
        return f"A password has {MIN} characters or more; three or four words do well."
    if len(password) > MAX:
        return f"A password has {MAX} characters at most."
    if name and password.casefold() == name.casefold():
        return "The password must not be the name."
    if len(set(password)) < 4:
        return "The password must not be one character over and over."
    return None


class Passwords:
    """Makes and checks hashes."""

    # What OWASP recommends at least for argon2id: 19 MiB and two passes. A Raspberry Pi 3 needs
    # about half a second for it; two at a time are 38 MiB and two of its four cores.
    _MEMORY_KIB, _PASSES, _AT_ONCE = 19456, 2, 2
    # More than a household could be waiting for; beyond, somebody is guessing.
    _WAITING = 16

    def __init__(self) -> None:
        _return_big_blocks()
        self._hasher = PasswordHasher(
            time_cost=self._PASSES, memory_cost=self._MEMORY_KIB, parallelism=1
        )
        self._gate = asyncio.Semaphore(self._AT_ONCE)
        self._waiting = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash, with salt and costs in it. Raises TooBusyError."""
        return await self._run(self._hasher.hash, password)

    async def matches(self, hashed: str | None, password: str) -> bool:
        """Whether it is the password; None, for a name nobody has, takes as long. TooBusyError."""
        if hashed is None:
            if self._nobody is None:
                self._nobody = await self.hash("nobody's")
            await self._run(self._verify, self._nobody, password)
            return False
        return await self._run(self._verify, hashed, password)

    def is_old(self, hashed: str) -> bool:
        """Whether it was made with other costs than today's."""
        return self._hasher.check_needs_rehash(hashed)

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., T], *args: str) -> T:
        if self._waiting >= self._WAITING:
            raise TooBusyError
        self._waiting += 1
        try:
            async with self._gate:
                return await asyncio.to_thread(work, *args)
        finally:
            self._waiting -= 1


def _return_big_blocks() -> None:
    """Have the C library return each big block at once.

    glibc would keep what it got once for a hash, and in every thread of its own: 40 MB and more.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 1 << 20)
