"""What a delivery says: a push to a branch, or something that starts nothing. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.hooks.errors import MalformedDeliveryError
from hub.hooks.signature import HookDelivery
from hub.hooks.sources import HookSource

__all__ = ["NothingToDo", "Push", "read_push"]

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_BRANCH = "refs/heads/"
_MOST_REFS = 1000


@dataclass(frozen=True, slots=True)
class Push:
    """A branch that has a new head. `forced`: what it was is not behind it, where that is said."""

    branch: str
    commit: str
    before: str = ""
    forced: bool = False


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """Something else, with what to answer: one line."""

    why: str


def read_push(source: HookSource, delivery: HookDelivery, branch: str) -> Push | NothingToDo:
    """The last push to `branch` that a verified delivery tells of, or why there is none.

    Raises MalformedDeliveryError.
    """
    event = _event(source, delivery.headers)
    body = _json(delivery.json_text())
    if event in {"ping", "diagnostics:ping"} or body.get("test") is True:
        return NothingToDo("a ping: the hook is set up")
    if event not in _PUSHES[source]:
        return NothingToDo(f"{_said(event)} starts nothing: this hook is for pushes")
    refs = list(_READERS[source](body))
    if not refs:
        raise MalformedDeliveryError
    found: Push | NothingToDo = NothingToDo(f"a push to {_said(refs[-1][0])}: nothing is started")
    for ref, before, after, forced in refs:
        if not ref.startswith(_BRANCH) or ref.removeprefix(_BRANCH) != branch:
            continue
        if after is None:
            found = NothingToDo(f"branch {branch} was deleted: nothing is started")
        else:
            found = Push(branch, _commit(after), _commit(before) if before else "", forced)
    return found


_Ref = tuple[str, str | None, str | None, bool]
"""A ref's full name, what it was and is (None: not there), whether it was forced."""


def _event(source: HookSource, headers: Mapping[str, str]) -> str:
    names = {
        HookSource.GITHUB: ("x-github-event",),
        HookSource.GITEA: ("x-gitea-event", "x-github-event"),
        HookSource.FORGEJO: ("x-forgejo-event", "x-gitea-event"),
        HookSource.GITLAB: ("x-gitlab-event",),
        HookSource.GITLAB_SIGNED: ("x-gitlab-event",),
    }.get(source, ("x-event-key",))
    return next((headers[name].strip() for name in names if headers.get(name, "").strip()), "")


def _json(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MalformedDeliveryError from None
    if not isinstance(found, dict):
        raise MalformedDeliveryError
    return found


def _said(text: str) -> str:
    """What a host sent, for a line of text."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text[:80])
    return plain or "a delivery without an event"


def _commit(value: object) -> str:
    if not isinstance(value, str) or not _COMMIT.fullmatch(value):
        raise MalformedDeliveryError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 1000:
        raise MalformedDeliveryError
    return value


def _nullable(value: object) -> str | None:
    """A commit, None for the zeros that stand for none."""
    if value is None:
        return None
    text = _text(value)
    return None if text and not text.strip("0") else text


def _one(body: Mapping[str, Any]) -> Iterator[_Ref]:
    """`ref`, `before`, `after`: GitHub, Gitea, Forgejo, GitLab."""
    after = _nullable(body.get("after"))
    if body.get("deleted") is True:
        after = None
    elif body.get("after") is None:
        raise MalformedDeliveryError
    yield _text(body.get("ref")), _nullable(body.get("before")), after, body.get("forced") is True


def _changes(found: object) -> Iterator[Mapping[str, Any]]:
    if not isinstance(found, list) or len(found) > _MOST_REFS:
        raise MalformedDeliveryError
    for one in found:
        if not isinstance(one, dict):
            raise MalformedDeliveryError
        yield one


def _of_bitbucket(body: Mapping[str, Any]) -> Iterator[_Ref]:
    push = body.get("push")
    for one in _changes(push.get("changes") if isinstance(push, dict) else None):
        old, new = one.get("old"), one.get("new")
        named = new if isinstance(new, dict) else old
        if not isinstance(named, dict):
            raise MalformedDeliveryError
        kind = _BRANCH if named.get("type") in {"branch", "named_branch"} else "refs/tags/"
        ref = kind + _text(named.get("name"))
        yield ref, _target(old), _target(new), one.get("forced") is True


def _target(of: object) -> str | None:
    if of is None:
        return None
    target = of.get("target") if isinstance(of, dict) else None
    if not isinstance(target, dict):
        raise MalformedDeliveryError
    return _text(target.get("hash"))


def _of_data_center(body: Mapping[str, Any]) -> Iterator[_Ref]:
    for one in _changes(body.get("changes")):
        ref = one.get("ref")
        name = ref.get("id") if isinstance(ref, dict) else one.get("refId")
        after = _nullable(one.get("toHash"))
        if one.get("type") == "DELETE":
            after = None
        elif after is None:
            raise MalformedDeliveryError
        yield _text(name), _nullable(one.get("fromHash")), after, False


_PUSHES: dict[HookSource, frozenset[str]] = {
    HookSource.GITHUB: frozenset({"push"}),
    HookSource.GITEA: frozenset({"push"}),
    HookSource.FORGEJO: frozenset({"push"}),
    HookSource.GITLAB: frozenset({"Push Hook"}),
    HookSource.GITLAB_SIGNED: frozenset({"Push Hook"}),
    HookSource.BITBUCKET: frozenset({"repo:push"}),
    HookSource.BITBUCKET_DC: frozenset({"repo:refs_changed"}),
}
_READERS: dict[HookSource, Callable[[Mapping[str, Any]], Iterator[_Ref]]] = {
    HookSource.BITBUCKET: _of_bitbucket,
    HookSource.BITBUCKET_DC: _of_data_center,
    **{
        source: _one
        for source in HookSource
        if source not in {HookSource.BITBUCKET, HookSource.BITBUCKET_DC}
    },
}
