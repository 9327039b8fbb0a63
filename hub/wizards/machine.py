"""Where somebody is in a wizard: a pure machine over answers.

A script is a generator: it yields its steps in order and is sent each one's answer, None while
there is none. So an answer may insert steps after it, or repeat one for each of several things:

    def script():
        animal = yield Step("animal", "Which animal?")
        if animal and animal["kind"] == "dog":
            yield Step("leash", "How long is its leash?")
        for leg in (animal or {}).get("legs", ()):
            yield Step(f"leg/{leg}", f"Which shoe on the {leg} leg?")
        yield Step("done", "Done")

It has to depend on nothing but the answers. Those to steps that an earlier answer has taken out
are kept but not counted; they are there again when the step is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from hub.errors import HubError

__all__ = [
    "Answer",
    "Script",
    "Step",
    "UnreachableStepError",
    "WizardProgress",
    "WizardView",
    "view",
]

# A script that yields for ever would hang the hub.
_MOST_STEPS = 200

Answer: TypeAlias = Mapping[str, Any]
"""What was answered at a step: JSON."""


class UnreachableStepError(HubError):
    """A step that is not there, or has unanswered ones before it."""

    def __init__(self, step: str) -> None:
        self.step = step
        super().__init__(f"there is no step {step!r} to go to now")


@dataclass(frozen=True, slots=True)
class Step:
    """One question. `key` is unique within a wizard and stays the same from start to start."""

    key: str
    title: str


Script: TypeAlias = Callable[[], Generator[Step, Answer | None, None]]


@dataclass(frozen=True, slots=True)
class WizardProgress:
    """What is kept: every answer given, by step, and the step being looked at.

    `at` None stands for the first step without an answer.
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)
    at: str | None = None

    def answered(self, step: str, answer: Answer) -> WizardProgress:
        """With one more answer; on to whatever comes next."""
        return WizardProgress({**self.answers, step: dict(answer)}, None)

    def looking_at(self, step: str | None) -> WizardProgress:
        """Looking at a step again, without forgetting what came after it."""
        return replace(self, at=step)


@dataclass(frozen=True, slots=True)
class WizardView:
    """A wizard as it is now: its steps, the answers that count, and the step one is at.

    `at` is an index into `steps`; `reached` the index of the first step without an answer (the
    last step where all are answered): steps up to it may be gone to.
    """

    steps: tuple[Step, ...]
    answers: Mapping[str, Answer]
    at: int
    reached: int

    @property
    def step(self) -> Step:
        """The step one is at."""
        return self.steps[self.at]

    @property
    def before(self) -> Step | None:
        """The step before it."""
        return self.steps[self.at - 1] if self.at else None

    @property
    def finished(self) -> bool:
        """Whether every step has an answer."""
        return all(step.key in self.answers for step in self.steps)

    def check(self, step: str) -> None:
        """Raise UnreachableStepError unless one may go to that step."""
        if step not in [one.key for one in self.steps[: self.reached + 1]]:
            raise UnreachableStepError(step)


def view(script: Script, progress: WizardProgress) -> WizardView:
    """The wizard as the script and what was answered make it."""
    steps: list[Step] = []
    answers: dict[str, Answer] = {}
    running = script()
    answer: Answer | None = None
    try:
        step = next(running)
        while True:
            if step.key in answers or step.key in [one.key for one in steps]:
                raise ValueError(f"the script yields {step.key!r} twice")
            if len(steps) >= _MOST_STEPS:
                raise ValueError(f"the script has more than {_MOST_STEPS} steps")
            steps.append(step)
            answer = progress.answers.get(step.key)
            if answer is not None:
                answers[step.key] = answer
            step = running.send(answer)
    except StopIteration:
        pass
    if not steps:
        raise ValueError("the script has no step")
    keys = [one.key for one in steps]
    open_ones = (n for n, key in enumerate(keys) if key not in answers)
    reached = next(open_ones, len(keys) - 1)
    at = keys.index(progress.at) if progress.at in keys else reached
    return WizardView(tuple(steps), answers, min(at, reached), reached)
