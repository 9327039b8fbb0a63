"""What a mapping would make of a message, told to a person: nothing of it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts import messages, topics
from contracts.homekit.definitions import belongs
from contracts.homekit.values import BadValue, parse
from contracts.messages import AccessoryRemoval, Online, Problem, ServiceRemoval, StateValue
from contracts.reading import SeriesKey
from hub.errors import HubError
from hub.mapping.compiled import PRESET, Route
from hub.mapping.conditions import condition_paths
from hub.mapping.convert import document
from hub.mapping.paths import MappingError, leads, leaves, levels
from hub.mapping.translator import Translator

__all__ = ["Rehearsed", "RehearsedLine", "rehearse"]


@dataclass(frozen=True, slots=True)
class RehearsedLine:
    """One thing that a message says: of which series or device, and what is shown.

    `command` is topic and payload of the same value, were it written in HomeKit; empty where
    nothing can be.
    """

    what: str
    says: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What the `rules` for a topic make of a message.

    `silent` are those that found nothing in it (of a preset's many: all, or they are not named),
    `unknown` the members of the payload that no rule reads.
    """

    rules: list[str] = field(default_factory=list)
    says: list[RehearsedLine] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def rehearse(translator: Translator, topic: str, payload: bytes) -> Rehearsed:
    """What the message would say now, after all that was heard before."""
    trial = translator.rehearsal()
    if topics.is_ours(topic):
        return Rehearsed([f"docs/topics.md: {topics.ROOT}/"], _said(trial, _own(topic, payload)))
    routes = [route for group in trial.book.matching(topic) for route in group.routes]
    said = list(trial.translate(topic, payload))
    series = [message.series for message in said if isinstance(message, StateValue)]
    heard = {route.key for one in series if (route := trial.styles.route(one)) is not None}
    silent = [
        route
        for route in routes
        if route.key not in heard and (not said or route.scope.level < PRESET)
    ]
    return Rehearsed(
        list(dict.fromkeys(f"{route.scope.name}: {route.rule.topic}" for route in routes)),
        _said(trial, said),
        [_name(route) for route in silent],
        _unknown(routes, payload),
    )


def _name(route: Route) -> str:
    at = f" at {route.rule.path}" if route.rule.path else ""
    return f"{route.scope.name}: {route.rule.service}/{route.rule.characteristic}{at}"


def _unknown(routes: list[Route], payload: bytes) -> list[str]:
    """The members of a JSON payload that no rule reads."""
    try:
        tree = document(payload.decode())
    except (MappingError, UnicodeDecodeError):
        return []
    paths = [
        levels(path)
        for route in routes
        for path in (
            route.rule.path,
            route.rule.unit_path,
            route.rule.counter,
            *condition_paths(route.rule.when),
        )
        if path
    ]
    ids = {name for route in routes for name in route.rule.id}
    return [
        ".".join(map(str, names))
        for names in leaves(tree)
        if names[-1] not in ids and not any(leads(steps, names) for steps in paths)
    ]


_Message = messages.Message | Problem


def _own(topic: str, payload: bytes) -> list[_Message]:
    return [messages.parse(topic, payload)]


def _said(trial: Translator, said: Sequence[_Message]) -> list[RehearsedLine]:
    return [_line(trial, message) for message in said]


def _line(trial: Translator, message: _Message) -> RehearsedLine:
    match message:
        case StateValue(series, raw):
            return _value(trial, series, raw)
        case Online(device, online):
            there = {True: "is there", False: "is gone", None: "nobody knows whether it is there"}
            return RehearsedLine(device, there[online])
        case AccessoryRemoval(series):
            return RehearsedLine(series.device, "leaves HomeKit")
        case ServiceRemoval(device, service, index):
            return RehearsedLine(f"{device}/{service}/{index}", "leaves HomeKit")
        case Problem(kind, device, detail):
            return RehearsedLine(device or "-", f"refused, counted as {kind}: {detail}")
    return RehearsedLine("-", type(message).__name__)


def _value(trial: Translator, series: SeriesKey, raw: str) -> RehearsedLine:
    try:
        text: str | bool | float = raw
        kind = None
        if belongs(series.service, series.characteristic):
            if trial.styles.route(series) is None:
                text = trial.convert(series, raw)
            kind = trial.kind(series)
        value = parse(series.service, series.characteristic, text, kind)
    except BadValue as bad:
        shown = "" if bad.limit is None else f", {bad.limit} is shown"
        return RehearsedLine(series.full_name, f"counted as {bad.kind}: {bad}{shown}")
    except HubError as error:
        return RehearsedLine(series.full_name, f"refused, counted as mapping: {error}")
    return RehearsedLine(series.full_name, str(value), _command(trial, series, value))


def _command(trial: Translator, series: SeriesKey, value: object) -> str:
    if not trial.kind(series).writable:
        return ""
    text = str(int(value)) if isinstance(value, bool) else str(value)
    try:
        return " ".join(trial.command(series, text))
    except HubError:
        return ""
