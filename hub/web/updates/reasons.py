"""Why a rollout or a device of it stands as it does: stored in English, said as one reads."""

from __future__ import annotations

import re

from hub.language.stored import StoredSentences
from hub.language.words import ENGLISH, N_, _, language

__all__ = ["REASONS", "reason_said"]

REASONS = (
    N_("runs {version} already"),
    N_("is a {board}, the image is for {wanted}"),
    N_("its battery is at {now} mV, {least} mV are asked for"),
    N_("by {who}"),
    N_("was not heard since {at}"),
    N_("the stream did not come to an end"),
    N_("the canary {device}: {reason}"),
    N_("the canary was skipped: another one"),
    N_("the rollout was aborted"),
    N_("the rollout was aborted before it took the command"),
    N_("the window closed"),
    N_("the rollout is {phase}"),
    N_("has not reported since {at}"),
    N_("{n} of {needed} reports"),
    N_("is awake for {now} ms, before the update {was} ms"),
    N_("has {now} bytes of heap free, before the update {was}"),
    N_("lost {n} readings since the update"),
)
"""Those of hub/rollouts, as they are put together there; `{names}` stand for what is filled in."""

# `2 skipped, 1 failed`: how a rollout ended.
_COUNT = re.compile(r"(\d+) (updated|failed|skipped)")
_COUNTS = {"updated": N_("{n} updated"), "failed": N_("{n} failed"), "skipped": N_("{n} skipped")}
_PHASES = {
    "paused": N_("paused"),
    "halted": N_("halted"),
    "running": N_("running"),
    "aborting": N_("stopping"),
    "aborted": N_("stopped"),
    "done": N_("done"),
}


def reason_said(reason: str) -> str:
    """A stored reason in the language that holds; one that is not known here stays English."""
    if language() == ENGLISH or not reason:
        return reason
    counts = [_COUNT.fullmatch(part) for part in reason.split(", ")]
    if all(counts):
        return ", ".join(_(_COUNTS[one[2]], n=one[1]) for one in counts if one)
    return _STORED.said(reason)


def _value(name: str, value: str) -> str:
    if name == "reason":
        return reason_said(value)
    return _(_PHASES[value]) if name == "phase" and value in _PHASES else value


_STORED = StoredSentences(REASONS, _value)
