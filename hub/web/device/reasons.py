"""Why something was changed: what the hub writes itself, in the language that holds."""

from __future__ import annotations

import re

from hub.language.words import N_, _

__all__ = ["why_said"]

_KNOWN = {
    "interval changed on its page": N_("interval changed on its page"),
    "interval changed with others": N_("interval changed with others"),
    "sensors changed on its page": N_("sensors changed on its page"),
    "change of sensors undone": N_("change of sensors undone"),
    "change of settings undone": N_("change of settings undone"),
    "settings changed": N_("settings changed"),
    "settings requested": N_("settings requested"),
    "named it": N_("named it"),
}
_ROLLOUT = re.compile(r"rollout (\d+)( was aborted)?")


def why_said(why: str | None) -> str:
    """A stored reason; one that a person wrote stays as it is."""
    if not why:
        return ""
    rollout = _ROLLOUT.fullmatch(why)
    if rollout is not None and rollout[2]:
        return _("rollout {number} was stopped", number=rollout[1])
    if rollout is not None:
        return _("rollout {number}", number=rollout[1])
    return _(_KNOWN[why]) if why in _KNOWN else why
