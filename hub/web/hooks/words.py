"""Steps of a hook's chain, and where they stand, in words."""

from __future__ import annotations

from collections.abc import Mapping

from hub.hooks.model import RunState, StepKind, StepState
from hub.language.words import N_

__all__ = ["STATE_WORDS", "STEP_WORDS"]

STEP_WORDS: Mapping[StepKind, str] = {
    StepKind.FETCH: N_("fetch"),
    StepKind.MERGE: N_("merge"),
    StepKind.TEST: N_("test"),
    StepKind.BUILD: N_("build"),
    StepKind.SIGN: N_("sign"),
    StepKind.STORE: N_("store"),
    StepKind.ROLLOUT: N_("rollout"),
    StepKind.INSTALL: N_("install"),
    StepKind.UPDATE: N_("update"),
    StepKind.COMMAND: N_("command"),
}
"""What a step does; said by `_` where it is shown."""

# What a run and a step of it have in common is equal: both are their words.
STATE_WORDS: Mapping[RunState | StepState, str] = {
    RunState.QUEUED: N_("queued"),
    StepState.PENDING: N_("pending"),
    RunState.RUNNING: N_("running"),
    RunState.WAITING: N_("waiting"),
    RunState.PASSED: N_("passed"),
    RunState.FAILED: N_("failed"),
    RunState.SKIPPED: N_("skipped"),
}
"""Where a run or a step of it stands; said by `_` where it is shown."""
