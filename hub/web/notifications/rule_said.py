"""A rule as a sentence in the language that holds: hub.notifications says it in English."""

from __future__ import annotations

from collections.abc import Callable

from hub.language.times import exactly
from hub.language.words import ENGLISH, _, language, ngettext
from hub.notifications.model import Rule, RuleKind, RuleOptions, kind_of, sentence, state_word
from hub.web.terms import called

__all__ = ["rule_name", "rule_said"]


def rule_name(rule: Rule) -> str:
    """What a rule is called: one that nobody named, by its sentence."""
    return rule_said(rule) if rule.name == sentence(rule) else rule.name


def rule_said(rule: Rule) -> str:
    """`Cellar: temperature below 3.0 °C for 20 min`."""
    if language() == ENGLISH:
        return sentence(rule)
    options = rule.options
    said = _SAID[rule.kind](options)
    if options.hours_from is not None and options.hours_until is not None:
        since, until = f"{options.hours_from:%H:%M}", f"{options.hours_until:%H:%M}"
        said += _(" between {since} and {until}", since=since, until=until)
    return f"{rule.where}: {said}" if rule.where else said[:1].upper() + said[1:]


def _lasting(options: RuleOptions) -> str:
    if not options.lasting_s:
        return ""
    return _(" for {span}", span=exactly(options.lasting_s))


def _value(options: RuleOptions) -> str:
    kind = kind_of(options.characteristic)
    label, word = called(kind.label), state_word(options)
    if word is not None:
        limit = _(word)
    else:
        above = options.above is not None
        bound = options.above if options.above is not None else options.below or 0.0
        number = f"{bound:g} {kind.unit}".rstrip()
        limit = _("above {limit}", limit=number) if above else _("below {limit}", limit=number)
    return f"{label if limit != label else ''} {limit}{_lasting(options)}".strip()


def _away(options: RuleOptions) -> str:
    said = _("the hub, or its broker, was away")
    if not options.lasting_s:
        return said
    return said + _(" for more than {span}", span=exactly(options.lasting_s))


def _battery(options: RuleOptions) -> str:
    said = _("battery low")
    if options.percent is not None:
        said = _("battery below {percent} %", percent=f"{options.percent:g}")
    if options.within_days is None:
        return said
    days = ngettext("{n} day", "{n} days", options.within_days)
    return said + _(", or empty within {days}", days=days)


_SAID: dict[RuleKind, Callable[[RuleOptions], str]] = {
    RuleKind.VALUE: _value,
    RuleKind.SILENT: lambda o: ngettext(
        "silent, {n} report missed", "silent, {n} reports missed", o.missed
    ),
    RuleKind.BATTERY: _battery,
    RuleKind.ODD: lambda _options: _("unusual values"),
    RuleKind.ROLLOUT: lambda _options: _("a rollout halted"),
    RuleKind.HOOK: lambda _options: _("a hook's run failed or passed"),
    RuleKind.BACKUP: lambda _options: _("the backup failed"),
    RuleKind.DISK: lambda _options: _("the disk is nearly full"),
    RuleKind.AWAY: _away,
    RuleKind.TUNNEL: lambda o: _("a site's tunnel is down") + _lasting(o),
    RuleKind.CHANNEL: lambda _options: _("a channel does not work"),
}
