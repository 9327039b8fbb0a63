"""What can go wrong with labels."""

from __future__ import annotations

from host.errors import HostError

__all__ = ["LabelError", "LabelStoreError", "NoLabelError", "SheetError"]


class LabelError(HostError):
    """There is no label."""

    exit_status = 72


class NoLabelError(LabelError):
    """Nothing is known here of a device's label."""

    def __init__(self, device: str) -> None:
        super().__init__(
            f"no label of {device} is known here: connect it with a cable, and give "
            "`dormouse label` alone"
        )


class LabelStoreError(LabelError):
    """The labels that were remembered cannot be used."""


class SheetError(LabelError):
    """The sheet cannot be made."""
