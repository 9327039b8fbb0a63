"""What an alert says: stored in English, as it was sent, said as one reads."""

from __future__ import annotations

from hub.language.stored import StoredSentences
from hub.language.times import number
from hub.language.words import N_, _
from hub.web.terms import TERMS

__all__ = ["ALERTS", "alert_said"]

ALERTS = (
    N_("{text}; known since {at}"),
    N_("{text} (at its worst {value})"),
    N_("{what} {value} since {now}, after {limit} since {at}"),
    N_("{what} {value}, {limit} since {at}"),
    N_("{what} {value} since {at}"),
    N_("heard again at {now}, after silence since {at}"),
    N_("its tunnel is up again, after being down since {at}"),
    N_("was away from {at} to {end} ({long}): nobody was heard meanwhile"),
    N_("not connected to its broker since {at}: no device can be heard"),
    N_("was not connected to its broker from {at} to {end} ({long})"),
    N_("the disk is full: {told}"),
    N_("the disk is nearly full: {told}"),
    N_("there is room on the disk again"),
    N_("{free} MiB are free for {folder}: make room on that disk"),
    N_("the backup failed {times} times: {reason}"),
    N_("the backup failed: {reason}"),
    N_("a backup could not be restored: {reason}"),
    N_("no backup was made for long: was the hub stopped?"),
    N_("the backup succeeded again"),
    N_("the battery is well again: {said}"),
    N_("it is no longer halted"),
)
"""Those of hub/notifications/sources, as they are put together there; the longer ones first."""

_SIDES = (("above ", N_("above {limit}")), ("below ", N_("below {limit}")))
_TERMS = {term.lower(): term for term in TERMS}


def alert_said(text: str) -> str:
    """What an alert says in the language that holds; what is not known here stays English."""
    return _STORED.said(text)


def _part(name: str, text: str) -> str:
    if name in {"text", "told"}:
        return alert_said(text)
    if name == "what":
        return _(_TERMS[text])
    if name == "limit":
        for side, message in _SIDES:
            if text.startswith(side):
                return _(message, limit=number(text.removeprefix(side)))
    if name in {"limit", "value"}:
        return _(_TERMS[text]) if text in _TERMS else number(text)
    return text


_STORED = StoredSentences(ALERTS, _part, {"what": _TERMS})
