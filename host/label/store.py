"""Labels of the devices that were flashed or set up from here, for sheets of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from host import files, state
from host.label.errors import LabelStoreError, NoLabelError
from host.label.label import Label

__all__ = ["LabelStore"]


class LabelStore:
    """The labels in a file of mode 0600, since the networks' passwords are among them."""

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or state.folder()) / "labels.json"

    def all(self) -> list[Label]:
        """Every label, the latest last. Raises LabelStoreError."""
        try:
            return [Label(**one) for one in json.loads(self.path.read_text("utf-8"))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, RecursionError):
            raise LabelStoreError(
                f"{self.path}: damaged; remove it, and read the labels from the devices again"
            ) from None

    def chosen(self, devices: list[str]) -> list[Label]:
        """Those of the devices, in that order; without any named all. Raises NoLabelError."""
        known = {label.device: label for label in self.all()}
        for device in devices:
            if device not in known:
                raise NoLabelError(device)
        return [known[device] for device in devices] if devices else [*known.values()]

    def keep(self, label: Label) -> None:
        """Remember a label in the place of an older one of the device. Raises LabelStoreError."""
        others = [one for one in self.all() if one.device != label.device]
        document = json.dumps([asdict(one) for one in (*others, label)], indent=1)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise LabelStoreError(f"{self.path}: cannot be written: {error.strerror}") from None
        files.write(self.path, document.encode(), mode=0o600)
