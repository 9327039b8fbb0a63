"""What a rollout refuses, with the facts as attributes."""

from __future__ import annotations

from collections.abc import Mapping

from hub.errors import HubError

__all__ = [
    "BadRequestError",
    "DeviceBusyError",
    "NoDevicesError",
    "RolloutError",
    "StaleRolloutError",
    "UnknownRolloutError",
    "WrongPhaseError",
]


class RolloutError(HubError):
    """The rollout could not do what was asked."""


class BadRequestError(RolloutError):
    """What was asked for makes no sense."""

    http_status = 422
    exit_status = 2


class NoDevicesError(RolloutError):
    """No device was selected; name some with --device, --place, --where, or take --all."""

    http_status = 422
    exit_status = 2


class StaleRolloutError(RolloutError):
    """The rollout was changed by somebody else; it is read again."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"rollout {number} was changed by another hub")


class UnknownRolloutError(RolloutError):
    """There is no such rollout."""

    http_status = 404
    exit_status = 2

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"there is no rollout {number}; see `dormouse rollout list`")


class DeviceBusyError(RolloutError):
    """Devices are in another rollout; `rollouts` has its number by device."""

    def __init__(self, rollouts: Mapping[str, int]) -> None:
        self.rollouts = dict(rollouts)
        if not self.rollouts:
            super().__init__("a device was taken by another rollout just now; try again")
            return
        device, rollout = next(iter(self.rollouts.items()))
        more = f" (and {len(self.rollouts) - 1} more)" if len(self.rollouts) > 1 else ""
        super().__init__(
            f"{device}{more} is in rollout {rollout}: wait for its end, or "
            f"`dormouse rollout abort {rollout}`"
        )


class WrongPhaseError(RolloutError):
    """The rollout is not in a phase for that."""

    def __init__(self, number: int, phase: str, what: str) -> None:
        self.number, self.phase = number, phase
        super().__init__(f"rollout {number} is {phase}: it cannot {what}")
