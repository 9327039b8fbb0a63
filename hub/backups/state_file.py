"""What is remembered of backups: a file of the data folder, since a database may be lost."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import ValidationError

from hub.backups.model import BackupState
from hub.folder import write_private

__all__ = ["StateFile"]

log = logging.getLogger(__name__)


class StateFile:
    """`backups.json`: written whole; one that is damaged is begun anew, and that is logged."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> BackupState:
        """Raises OSError for one that is there and cannot be read."""
        try:
            return BackupState.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return BackupState()
        except ValidationError:
            log.warning("%s is damaged: what it said of backups is begun anew", self._path)
            return BackupState()

    def save(self, state: BackupState) -> None:
        """Raises OSError."""
        write_private(self._path, state.model_dump_json(indent=2) + "\n")
