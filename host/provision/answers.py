"""Answers given so far, by device: kept after each step, gone when the device is set up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from host import files, state
from host.errors import FileWriteError
from host.provision.errors import AnswersError

__all__ = ["Answers"]


class Answers:
    """The answers about one device, in a file of mode 0600: the WiFi password is among them."""

    def __init__(self, device: str, folder: Path | None = None) -> None:
        self.path = (folder or state.folder() / "provision") / f"{device}.json"
        self._answers = self._load()

    def _load(self) -> dict[str, Any]:
        try:
            answers = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return answers if isinstance(answers, dict) else {}

    def __contains__(self, step: str) -> bool:
        return step in self._answers

    def __getitem__(self, step: str) -> Any:
        return self._answers[step]

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, step: str, default: Any = None) -> Any:
        """The answer, or `default`."""
        return self._answers.get(step, default)

    def keep(self, step: str, answer: Any) -> None:
        """Remember an answer, on the disk when this returns. Raises AnswersError."""
        self._answers[step] = answer
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.write(self.path, json.dumps(self._answers).encode(), mode=0o600)
        except (OSError, FileWriteError) as error:
            raise AnswersError(f"the answers cannot be saved: {error}") from None

    def forget(self, *steps: str) -> None:
        """Forget answers; without names all of them and the file."""
        for step in steps or tuple(self._answers):
            self._answers.pop(step, None)
        if not steps:
            self.path.unlink(missing_ok=True)
