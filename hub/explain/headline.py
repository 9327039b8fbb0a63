"""The one sentence that matters most. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hub.explain import trends
from hub.explain.case import Case
from hub.explain.outages import Away
from hub.explain.sentence import Level, Sentence
from hub.explain.tunnels import is_silent_through
from hub.language.words import _, ngettext
from hub.mqtt.account_repository import AccountState

__all__ = ["NOT_ENROLLED", "REFUSED", "headline", "offline", "quiet", "refused", "shut_out"]

REFUSED = ("auth-refused", "enrol-take-over")
"""Kinds of problems that say: a known name with another password."""

NOT_ENROLLED = {
    "enrol-closed": "enrolment is closed, `dormouse devices approve {}` lets it in",
    "enrol-too-many": "too many asked, it will ask again",
    "enrol-reserved": "no device may have this name",
}
"""Kinds of problems that say: an account was asked for, and why it was not made."""


def headline(case: Case, chain: Sequence[Sentence]) -> Sentence:
    """What matters most of a device whose chain of facts is given."""
    for find in (
        _replaced,
        shut_out,
        _refused_and_late,
        _asks_for_account,
        _never,
        _silent,
        offline,
        quiet,
        _waiting,
    ):
        first = find(case)
        if first is not None:
            return first
    # It is there, but something may not be as it should: the worst, then the newest.
    wrong = [sentence for sentence in chain if sentence.level is not Level.FINE]
    return max(wrong, key=lambda s: (s.level, s.at)) if wrong else _fine(case)


def _replaced(case: Case) -> Sentence | None:
    """Another one has its history; it is heard again only when its account is enabled."""
    facts = case.facts
    if facts.replaced_by is None or facts.account is not AccountState.DISABLED:
        return None
    new, at = facts.replaced_by
    return Sentence(at, "replaced", _("replaced by {new} at {at}", new=new, at=case.clock.at(at)))


def shut_out(case: Case) -> Sentence | None:
    """Its account was disabled."""
    facts = case.facts
    if facts.account is not AccountState.DISABLED:
        return None
    at = facts.account_changed_at or case.now
    text = _("shut out: its account was disabled at {at}", at=case.clock.at(at))
    # Somebody's own decision.
    return Sentence(at, "account", text, Level.WARNING)


def refused(case: Case) -> Sentence | None:
    """Somebody with its name and another password was refused after it was heard last."""
    refusals = [case.facts.problems[kind] for kind in REFUSED if kind in case.facts.problems]
    last = max(refusals, key=lambda seen: seen.at, default=None)
    seen_at = case.facts.seen_at
    if last is None or (seen_at is not None and seen_at > last.at):
        return None
    # Of a device that is not even late it was probably another one.
    late = case.silence is None or case.silence.missed
    text = _(
        "refused at {at}: the password is not its account's (`dormouse devices renew {device}` "
        "if its flash was erased)",
        at=case.clock.at(last.at),
        device=case.facts.device,
    )
    return Sentence(last.at, "account", text, Level.BAD if late else Level.WARNING)


def _refused_and_late(case: Case) -> Sentence | None:
    sentence = refused(case)
    return sentence if sentence is not None and sentence.level is Level.BAD else None


def _asks_for_account(case: Case) -> Sentence | None:
    """It has no account and was not given one."""
    facts = case.facts
    for kind, why in NOT_ENROLLED.items():
        if facts.account is None and facts.seen_at is None and kind in facts.problems:
            at = facts.problems[kind].at
            text = _("asked for an account at {at}: {why}", at=case.clock.at(at), why=why)
            return Sentence(at, "account", text.format(facts.device), Level.WARNING)
    return None


def _never(case: Case) -> Sentence | None:
    facts = case.facts
    if facts.seen_at is not None:
        return None
    if facts.account is AccountState.PENDING and facts.account_at is not None:
        text = _(
            "enrolled at {at} and has not been heard since", at=case.clock.at(facts.account_at)
        )
        return Sentence(facts.account_at, "account", text, Level.WARNING)
    if facts.account is not None:
        at = facts.account_at or case.now
        return Sentence(
            at,
            "never",
            _("never heard; it has an account since {at}", at=case.clock.at(at)),
            Level.WARNING,
        )
    at = facts.created_at or case.now
    return Sentence(at, "never", _("never heard, and it has no account"), Level.WARNING)


def _silent(case: Case) -> Sentence | None:
    silence, seen_at = case.silence, case.facts.seen_at
    if silence is None or silence.expected is None or seen_at is None:
        return None
    clock = case.clock
    text = _(
        "silent since {at}, expected {at2}", at=clock.at(seen_at), at2=clock.at(silence.expected)
    )
    # One wake that found no WiFi is nothing to be alarmed at.
    level = Level.BAD if silence.missed > 1 else Level.WARNING
    return Sentence(silence.expected, "silent", _because(case, text), level)


def offline(case: Case) -> Sentence | None:
    """Its last will says that it is gone."""
    seen_at = case.facts.seen_at
    if case.facts.online is not False or seen_at is None or case.interval is not None:
        return None
    text = _("offline: its connection broke off, last heard {at}", at=case.clock.at(seen_at))
    return Sentence(seen_at, "offline", _because(case, text), Level.BAD)


def quiet(case: Case) -> Sentence | None:
    """Nothing came for long from one that did not say when it wakes."""
    quiet, seen_at = case.time_without_message(), case.facts.seen_at
    if quiet is None or seen_at is None:
        return None
    # One with a last will is known to be there without a word.
    if quiet <= case.patience or case.facts.online:
        return None
    return Sentence(
        seen_at,
        "silent",
        _because(case, _("silent since {at}", at=case.clock.at(seen_at))),
        Level.BAD,
    )


def _because(case: Case, text: str) -> str:
    """What may have led to silence, the likeliest first."""
    causes = []
    if case.facts.tunnel is not None and is_silent_through(case):
        down = case.facts.tunnel
        causes.append(
            _(
                "the tunnel of {title} is down since {at}",
                title=down.title,
                at=case.clock.at(down.since),
            )
        )
    if case.low:
        causes.append(_("battery was low ({battery})", battery=case.battery()))
    elif case.battery_fall is not None:
        causes.append(_("battery was falling ({battery})", battery=case.battery()))
    if case.weak_signal is not None:
        causes.append(_("WiFi was weak ({weak_signal} dBm)", weak_signal=f"{case.weak_signal:.0f}"))
    if not causes and (crashed := trends.crashes(case.facts.days)):
        causes.append(
            _(
                "it had crashed {times} within a week",
                times=ngettext("{n} time", "{n} times", crashed),
            )
        )
    return f"{text}; {'; '.join(causes)}" if causes else text


def _waiting(case: Case) -> Sentence | None:
    """Nothing came, but nobody could have heard it either."""
    silence, seen_at = case.silence, case.facts.seen_at
    if silence is None or not silence.excused or seen_at is None:
        return None
    cut_off = any(
        one.what is Away.TUNNEL and (one.end is None or one.end > seen_at)
        for one in case.facts.outages
    )
    away = _("the tunnel of its site was down") if cut_off else _("the hub was away")
    text = _(
        "not heard since {at}, because {away} when it was due; expected {at2}",
        at=case.clock.at(seen_at),
        away=away,
        at2=case.clock.at(silence.following),
    )
    return Sentence(case.now, "hub", text)


def _fine(case: Case) -> Sentence:
    facts = case.facts
    seen_at = facts.seen_at or case.now
    text = _("heard {ago} ago", ago=case.clock.ago(seen_at))
    if case.silence is not None:
        text += _(", next expected {at}", at=case.clock.at(case.silence.following))
    return Sentence(seen_at, "heard", text)
