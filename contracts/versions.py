"""Firmware versions: 1.2.3, ordered, and as the number in an image's trailer."""

from __future__ import annotations

import re
from typing import NamedTuple

from contracts.errors import VersionError

__all__ = ["Version"]


class Version(NamedTuple):
    """Major and minor up to 255, patch up to 65535."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """The version in "1.2.3"; what follows a - or + is allowed and has no rank.

        Raises VersionError.
        """
        match = re.fullmatch(r"(\d{1,3})\.(\d{1,3})\.(\d{1,5})([-+][0-9A-Za-z.+-]*)?", text)
        if match is None:
            raise VersionError(f"version '{text}' is not of the form 1.2.3")
        version = cls(*(int(match[n]) for n in (1, 2, 3)))
        if max(version.major, version.minor) > 255 or version.patch > 65535:
            raise VersionError(f"version '{text}': the largest is 255.255.65535")
        return version

    @classmethod
    def of(cls, number: int) -> Version:
        """The version of a number as in the trailer."""
        return cls(number >> 24, number >> 16 & 0xFF, number & 0xFFFF)

    @property
    def number(self) -> int:
        """As in the trailer: major << 24 | minor << 16 | patch."""
        return self.major << 24 | self.minor << 16 | self.patch

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"
