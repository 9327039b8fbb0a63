"""What a command tells while it runs: a line for people, or one JSON object for programs."""

from __future__ import annotations

import json
import sys

__all__ = ["EventLines", "EventShares"]


class EventLines:
    """Writes to standard output, each line at once.

    As JSON a line is an object with `event`, what happened, and its facts; `text` is for people.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def tell(self, event: str, text: str = "", **facts: object) -> None:
        """Something happened. For people that is `text`; nothing where there is none."""
        if self.as_json:
            said = {"event": event, **facts, **({"text": text} if text else {})}
            line = json.dumps(said, ensure_ascii=False)
        elif text:
            line = text
        else:
            return
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


class EventShares:
    """Which shares of something are worth an event: each twentieth once, and the end."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def take(self, name: str, share: float) -> bool:
        """Whether this share (0 to 1) of that part is to be told."""
        step = int(share * 20)
        if self._told.get(name) == step:
            return False
        self._told[name] = step
        return True
