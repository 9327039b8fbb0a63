"""What a message says, of one thing or of many at once. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.notifications.model import Alert, RuleKind, Told

__all__ = ["Composed", "composed"]

# More of one kind are told in one line, with so many names.
_APART, _NAMED = 3, 5

# Told when it is over: that it is says nothing.
_PAST = frozenset({RuleKind.AWAY})

_MANY = {
    (RuleKind.SILENT, Told.OPENED): "{n} devices{where} are silent",
    (RuleKind.SILENT, Told.ENDED): "{n} devices{where} are heard again",
    (RuleKind.BATTERY, Told.OPENED): "{n} batteries{where} are low",
    (RuleKind.BATTERY, Told.ENDED): "{n} batteries{where} are well again",
    (RuleKind.ODD, Told.OPENED): "{n} values{where} are unusual",
    (RuleKind.ODD, Told.ENDED): "{n} values{where} are as usual again",
    (RuleKind.VALUE, Told.OPENED): "{rule}: {n} values{where}",
    (RuleKind.VALUE, Told.ENDED): "{rule}: {n} values{where} are back",
}


@dataclass(frozen=True, slots=True)
class Composed:
    """A message: what people read, and what programs do."""

    title: str
    body: str
    payload: dict[str, Any]


def composed(
    said: Sequence[tuple[Told, Alert]],
    rules: Mapping[int, str],
    common: Callable[[Sequence[int | None]], str | None],
    now: datetime,
) -> Composed:
    """One message of all these; of what is over already that alone is said.

    `rules` are the rules' names, `common` the name of the place in which several places are.
    """
    over = {alert.id for told, alert in said if told is Told.ENDED}
    groups: dict[tuple[int, Told], list[Alert]] = {}
    for told, alert in said:
        if told is Told.ENDED or alert.id not in over:
            groups.setdefault((alert.rule or 0, told), []).append(alert)
    lines: list[str] = []
    heads: list[str] = []
    for (rule, told), alerts in groups.items():
        if len(alerts) <= _APART:
            heads += [_head(told, alert) for alert in alerts]
            lines += [f"{alert.name}: {_said(told, alert)}" for alert in alerts]
        else:
            head = _many(told, alerts, rules.get(rule, ""), common)
            heads.append(head)
            lines.append(f"{head}: {_names(alerts)}")
    if len(heads) == 1:
        title = heads[0]
        body = lines[0].partition(": ")[2]
    else:
        title, body = f"{len(heads)} notifications", "\n".join(lines)
    kept = [one for one in said if one[0] is Told.ENDED or one[1].id not in over]
    return Composed(title, body, _payload(title, body, kept, rules, now))


def _head(told: Told, alert: Alert) -> str:
    if alert.kind in _PAST:
        return alert.name
    if told is Told.ESCALATED:
        return f"Nobody acknowledged: {alert.name}"
    name = f"{alert.name}, over" if told is Told.ENDED else alert.name
    return f"Urgent: {name}" if alert.urgent and told is Told.OPENED else name


def _said(told: Told, alert: Alert) -> str:
    return alert.ended_text if told is Told.ENDED else alert.text


def _many(
    told: Told,
    alerts: Sequence[Alert],
    rule: str,
    common: Callable[[Sequence[int | None]], str | None],
) -> str:
    place = common([alert.place for alert in alerts])
    first = Told.OPENED if told is Told.ESCALATED else told
    form = _MANY.get((alerts[0].kind, first), "{rule}: {n} times{where}")
    head = form.format(n=len(alerts), where=f" in {place}" if place else "", rule=rule)
    return f"Nobody acknowledged: {head}" if told is Told.ESCALATED else head


def _names(alerts: Sequence[Alert]) -> str:
    names = sorted({alert.name for alert in alerts})
    more = len(names) - _NAMED
    named = ", ".join(names[:_NAMED])
    return f"{named} and {more} more" if more > 0 else named


def _payload(
    title: str,
    body: str,
    said: Sequence[tuple[Told, Alert]],
    rules: Mapping[int, str],
    now: datetime,
) -> dict[str, Any]:
    return {
        "type": "dormouse.notification",
        "timestamp": now.isoformat(),
        "data": {
            "title": title,
            "body": body,
            "alerts": [
                {
                    "id": alert.id,
                    "told": told.value,
                    "kind": alert.kind.value,
                    "rule": rules.get(alert.rule or 0),
                    "name": alert.name,
                    "text": _said(told, alert),
                    "device": alert.device,
                    "place": alert.place,
                    "urgent": alert.urgent,
                    "since": alert.since.isoformat(),
                    "ended": alert.ended_at and alert.ended_at.isoformat(),
                }
                for told, alert in said
            ],
        },
    }
