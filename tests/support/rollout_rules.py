"""Replays a rollout's recorded history and says where it broke its own rules."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["broken_rules"]

_OVER = {"updated", "failed", "skipped"}
_NEXT = {
    "": {"pending", "skipped"},
    "pending": {"commanded", "updating", "updated", "failed", "skipped"},
    "commanded": {"accepted", "updating", "pending", "failed", "skipped"},
    "accepted": {"updating", "pending", "failed", "skipped"},
    "updating": {"verifying", "updated", "pending", "failed", "skipped"},
    "verifying": {"updated", "pending", "failed", "skipped"},
}


def broken_rules(
    events: Iterable[Mapping[str, Any]], waves: Mapping[str, int], options: Mapping[str, Any]
) -> list[str]:
    """Every broken rule, in words; none when all was well at every instant.

    `events` as GET /rollouts/N/history gives them, `waves` the wave of each device, `options` the
    rollout's. What is checked: each transition follows from the one before and is one that there
    is; streams at the same time; commands only while it runs, to the wave that is on, with all
    before it over and healthy, and below the number of failures that halts; numbers of commands
    rise; no more attempts than allowed.
    """
    replay = _Replay(waves, options)
    for event in events:
        replay.take(event)
    return replay.broken


class _Replay:
    def __init__(self, waves: Mapping[str, int], options: Mapping[str, Any]) -> None:
        self.broken: list[str] = []
        self.waves, self.options = waves, options
        self.state = dict.fromkeys(waves, "")
        self.health = dict.fromkeys(waves, "")
        self.command = dict.fromkeys(waves, 0)
        self.gone: Counter[str] = Counter()
        self.phase, self.wave, self.forgiven = "running", 0, 0

    def take(self, event: Mapping[str, Any]) -> None:
        self.say = lambda what: self.broken.append(f"event {event['id']}: {what}")
        what, device, before, after = (event[k] for k in ("what", "device", "before", "after"))
        if what == "phase":
            if before != self.phase:
                self.say(f"phase {before} -> {after}, but it was {self.phase}")
            if after == "running":
                self.forgiven = sum(state == "failed" for state in self.state.values())
            self.phase = after
        elif what == "wave":
            self.wave = int(after)
            self._past_is_well(f"on to wave {after}")
        elif what == "health":
            self.health[device] = after
        else:
            self._state(device, before, after, event["command"] or 0)

    def _state(self, device: str, before: str, after: str, command: int) -> None:
        if before != self.state[device]:
            self.say(f"{device} {before} -> {after}, but it was {self.state[device]!r}")
        if after not in _NEXT.get(before, set()):
            self.say(f"{device} {before} -> {after}: there is no such way")
        self.state[device] = after
        if after == "commanded":
            self._may_command(device)
            if command <= self.command[device]:
                self.say(f"{device} command {command} after {self.command[device]}")
            self.command[device] = command
        if after == "updating":
            self.gone[device] += 1
            if self.gone[device] > self.options["attempts"]:
                self.say(f"{device} goes the {self.gone[device]}th time")
            at_once = sum(state == "updating" for state in self.state.values())
            if at_once > self.options["streams"]:
                self.say(f"{at_once} streams at once")

    def _may_command(self, device: str) -> None:
        if self.phase != "running":
            self.say(f"{device} is commanded while it is {self.phase}")
        if self.waves[device] > self.wave:
            self.say(f"{device} of wave {self.waves[device]} is commanded in wave {self.wave}")
        self._past_is_well(f"{device} is commanded")
        failed = sum(state == "failed" for state in self.state.values()) - self.forgiven
        limit = 1 if self.wave == 0 and self.options["canary"] else self._halt_at()
        if failed >= limit:
            self.say(f"{device} is commanded after {failed} failures of {limit}")
        bad = [name for name, health in self.health.items() if health == "bad"]
        if bad:
            self.say(f"{device} is commanded though {bad[0]} is not well")

    def _past_is_well(self, what: str) -> None:
        for device, wave in self.waves.items():
            over = self.state[device] in _OVER and self.health[device] not in {"watched", "bad"}
            if wave < self.wave and not over:
                state = f"{self.state[device]} {self.health[device]}"
                self.say(f"{what} with {device} of wave {wave} {state}")

    def _halt_at(self) -> int:
        text = self.options["halt_at"]
        if not text.endswith("%"):
            return int(text)
        return max(1, math.ceil(float(text[:-1]) * len(self.waves) / 100))
