"""Whether foreign devices are there: what they say, what their gateway says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from contracts.messages import Online
from hub.mapping.compiled import Group, OnlineRoute, RuleScope
from hub.mapping.convert import MappingError
from hub.mapping.message import Payload
from hub.mapping.parts import MappedParts
from hub.mapping.paths import levels, walk
from hub.mapping.properties import attribute

__all__ = ["OnlineStates", "sleeps"]


class OnlineStates:
    """What was said of each device's presence, and which gateways are gone."""

    def __init__(self, parts: MappedParts, online: Sequence[OnlineRoute]) -> None:
        self._parts, self._online = parts, online
        self._said: dict[str, bool | None] = {}
        self._gone: set[str] = set()
        # Who shares whose connection, and whose connections were lost.
        self._roots: dict[str, str] = {}
        self._lost: set[str] = set()

    def said(self, group: Group, device: str, payload: Payload) -> Iterator[Online]:
        """What a message says of a device, or of all that speak through a gateway."""
        for route in group.online:
            online = _online(route, payload)
            if online is None:
                continue
            if route.of_gateway:
                yield from self._gateway(route.scope, online=online)
            elif not (self._sleeps(route.scope, device) or sleeps(self._parts, [route], device)):
                self._said[device] = online
                yield from self._tell(group.scope, device)
                yield from self._with_root(route, device, payload)

    def rooted(self, group: Group, device: str, payload: Payload) -> Iterator[Online]:
        """A device names the one whose connection it shares, or none."""
        for route in group.rooted:
            root = _text(payload, route.root.paths[0]) if route.root is not None else None
            before = self._roots.pop(device, None)
            if root is not None and root != device:
                self._roots[device] = root
            if {before, root} & self._lost and device in self._said:
                yield from self._tell(group.scope, device)

    def _with_root(self, route: OnlineRoute, root: str, payload: Payload) -> Iterator[Online]:
        """What the state of a device means for those that share its connection."""
        lost = _word(payload, route.rule.path) in map(str.casefold, route.rule.lost)
        if lost == (root in self._lost):
            return
        (self._lost.add if lost else self._lost.discard)(root)
        for device in [one for one, its in self._roots.items() if its == root]:
            if device in self._said:
                yield from self._tell(route.scope, device)

    def _tell(self, scope: RuleScope, device: str) -> Iterator[Online]:
        if scope.name not in self._gone:
            lost = self._roots.get(device) in self._lost
            yield Online(device, False if lost else self._said.get(device))

    def learned(self, scope: RuleScope, device: str) -> Iterator[Online]:
        """Something new is known of a device: perhaps that it only sleeps when it is offline."""
        if self._said.get(device) is not None and self._sleeps(scope, device):
            self._said[device] = None
            yield Online(device, None)

    def _gateway(self, scope: RuleScope, *, online: bool) -> Iterator[Online]:
        if online and scope.name not in self._gone:
            return  # it was there; that says nothing of its devices
        (self._gone.discard if online else self._gone.add)(scope.name)
        for device in self._parts.speaking(scope.name):
            yield Online(device, self._said.get(device) if online else False)

    def moved(self, scope: RuleScope, old: str, device: str) -> Iterator[Online]:
        """What was said of one id is meant for another."""
        said = self._said.pop(old, None)
        if said is not None:
            self._said[device] = said
            yield from self._tell(scope, device)

    def says_it_sleeps(self, scope: RuleScope, device: str) -> Iterator[Online]:
        """A device that is told as one that sleeps may be offline, and is no less there."""
        if self._said.get(device) is not None and sleeps(self._parts, self._online, device):
            self._said[device] = None
            yield from self._tell(scope, device)

    def _sleeps(self, scope: RuleScope, device: str) -> bool:
        return any(
            rule.asleep is not None and self._parts.has(device, rule.asleep)
            for rule in scope.profile.online
        )


def sleeps(parts: MappedParts, online: Iterable[OnlineRoute], device: str) -> bool:
    """Whether the device has said that it sleeps: then it is offline most of the time."""
    return any(
        attribute(parts, route.asleep, device, {}) is True
        for route in online
        if route.asleep is not None
    )


def _online(route: OnlineRoute, payload: Payload) -> bool | None:
    word = _word(payload, route.rule.path)
    if word in map(str.casefold, route.rule.online):
        return True
    return False if word in map(str.casefold, route.rule.offline) else None


def _word(payload: Payload, path: str) -> str:
    """The word that a payload is, or has at a path; folded, since programs differ in case."""
    text = _text(payload, path) if path and payload.text.lstrip().startswith("{") else payload.text
    return (text or "").strip().strip('"').casefold()


def _text(payload: Payload, path: str) -> str | None:
    try:
        found = next(walk(payload.tree, levels(path)), None)
    except MappingError:
        return None
    return None if found is None or found.value is None else str(found.value)
