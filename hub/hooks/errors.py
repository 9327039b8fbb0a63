"""What hooks refuse."""

from __future__ import annotations

from hub.errors import HubError

__all__ = [
    "DeliveryRefusedError",
    "EmptyDeliveryError",
    "HookError",
    "HookNameTakenError",
    "HookRefusedError",
    "HookUnknownError",
    "MalformedDeliveryError",
    "OperatorNeededError",
    "RepeatedDeliveryError",
    "RunUnknownError",
    "SignatureMissingError",
    "SignatureWrongError",
    "StaleDeliveryError",
    "StepFailedError",
    "TooManyHooksError",
    "WrongRunStateError",
]


class HookError(HubError):
    """This cannot be done about hooks."""


class HookRefusedError(HookError):
    """A hook that cannot work, with the reason."""

    http_status = 422
    exit_status = 2


class HookUnknownError(HookError):
    """There is no such hook."""

    http_status = 404
    exit_status = 2

    def __init__(self, which: object) -> None:
        self.which = which
        super().__init__(f"no hook {str(which)[:100]!r}: `dormouse hook list` has them")


class OperatorNeededError(HookError):
    """A hook that updates the hub is an operator's: begun, changed and removed on the machine."""

    http_status = 403

    def __init__(self, hook: str) -> None:
        self.hook = hook
        super().__init__(
            f"hook {hook} updates the hub itself: push, or run, change and remove it on the hub's "
            f"machine (`dormouse hook run {hook}`)"
        )


class RunUnknownError(HookError):
    """There is no such run."""

    http_status = 404
    exit_status = 2

    def __init__(self, run: int) -> None:
        self.run = run
        super().__init__(f"no run {run}: `dormouse hook log` has them")


class HookNameTakenError(HookError):
    """A hook of that name is there already."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"a hook {name!r} is there already: remove it, or take another name")


class TooManyHooksError(HookError):
    """There are 100 hooks already: remove those that are not used any more."""


class WrongRunStateError(HookError):
    """A run is not where this can be done."""


class StepFailedError(HookError):
    """A step of a run came to nothing: `reason` in one line, `tail` its last lines."""

    http_status = 422

    def __init__(self, reason: str, tail: str = "") -> None:
        self.reason, self.tail = reason, tail
        super().__init__(reason)


class DeliveryRefusedError(HookError):
    """What came to a hook is not taken; the text says nothing of whether the hook is there."""

    http_status = 400


class SignatureMissingError(DeliveryRefusedError):
    """No signature: set the hook's secret at the repository's host."""

    http_status = 401


class SignatureWrongError(DeliveryRefusedError):
    """Wrong signature: nothing was started."""

    http_status = 403


class StaleDeliveryError(DeliveryRefusedError):
    """Signed more than 5 minutes from now: is this machine's clock right?"""

    http_status = 403


class RepeatedDeliveryError(DeliveryRefusedError):
    """This delivery came before: nothing was started."""

    http_status = 409


class MalformedDeliveryError(DeliveryRefusedError):
    """The body cannot be read: it must be the host's JSON, in UTF-8."""

    http_status = 400


class EmptyDeliveryError(DeliveryRefusedError):
    """An empty post: nothing was started."""

    http_status = 200
