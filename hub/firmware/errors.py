"""What is wrong with a firmware image, or with asking for one."""

from __future__ import annotations

from collections.abc import Sequence

from hub.errors import HubError

__all__ = [
    "FirmwareInUseError",
    "FirmwareStoreError",
    "ImageRefusedError",
    "ImageTooLargeError",
    "UnknownFirmwareError",
    "VersionTakenError",
]


class FirmwareStoreError(HubError):
    """The hub could not do that with a firmware image."""


class ImageRefusedError(FirmwareStoreError):
    """The file is no update that devices could take; the message says why."""

    http_status = 422


class ImageTooLargeError(ImageRefusedError):
    """More bytes than an update can have."""

    http_status = 413

    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(f"larger than {most} bytes: no update has so many")


class UnknownFirmwareError(FirmwareStoreError):
    """No such image is kept; `known` are those there are, as "version (board)"."""

    http_status = 404
    exit_status = 4

    def __init__(self, requested: str, known: Sequence[str]) -> None:
        self.requested, self.known = requested, tuple(known)
        there = ", ".join(known) or "none"
        super().__init__(
            f"no image {requested}; there is {there} (`dormouse firmware add` adds one)"
        )


class VersionTakenError(FirmwareStoreError):
    """Another image has the same version and board."""

    def __init__(self, version: str, board: str, number: int) -> None:
        self.version, self.board, self.number = version, board, number
        super().__init__(
            f"there is another image {version} for {board or 'any board'} (number {number}): "
            "give this one a version of its own, or remove the other"
        )


class FirmwareInUseError(FirmwareStoreError):
    """A rollout that is not over uses the image."""

    def __init__(self, version: str, rollouts: Sequence[int]) -> None:
        self.version, self.rollouts = version, tuple(rollouts)
        super().__init__(
            f"{version} is in use by rollout {', '.join(map(str, rollouts))}: "
            "end that first (`dormouse rollout abort`)"
        )
