"""The commands that add and change a hook, for who types them on the hub's machine. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from hub.hooks.errors import HookRefusedError
from hub.hooks.model import HookChange, NewHook
from hub.hooks.sources import HookSource

__all__ = ["HookWish", "add_line", "change_line"]


@dataclass(frozen=True, slots=True)
class HookWish:
    """A hook that somebody wishes for; `rollout` as `--rollout` takes it, empty: to nobody."""

    name: str
    source: HookSource
    repository: str
    branch: str = "main"
    test: str = ""
    build: str = ""
    file: str = ""
    version_file: str = ""
    rollout: str = ""
    command: str = ""


def add_line(wish: HookWish, tenant: str = "") -> str:
    """`dormouse hook add ...`; `tenant` where it is not the hub's own. Raises HookRefusedError."""
    _check(
        NewHook, name=wish.name, source=wish.source, repository=wish.repository, branch=wish.branch
    )
    if wish.build and not wish.file:
        raise HookRefusedError("a build needs the file that comes out of it")
    if not wish.build and (wish.file or wish.version_file or wish.rollout):
        raise HookRefusedError("what is stored and rolled out needs a command that builds it")
    if not (wish.test or wish.build or wish.command):
        raise HookRefusedError("say what a push is to start: a test, a build or another command")
    words = ["dormouse", "hook", "add", wish.name, wish.repository, "--source", wish.source.value]
    return _line(
        words,
        ("--branch", "" if wish.branch == "main" else wish.branch),
        ("--test", wish.test),
        ("--build", wish.build),
        ("--file", wish.file),
        ("--version-file", wish.version_file),
        ("--rollout", wish.rollout),
        ("--command", wish.command),
        ("--tenant", tenant),
    )


def change_line(name: str, repository: str, branch: str, tenant: str = "") -> str:
    """`dormouse hook change ...`; what is empty stays. Raises HookRefusedError."""
    if not (repository or branch):
        raise HookRefusedError("nothing is otherwise: type another repository or branch")
    _check(HookChange, repository=repository or None, branch=branch or None)
    return _line(
        ["dormouse", "hook", "change", name],
        ("--repository", repository),
        ("--branch", branch),
        ("--tenant", tenant),
    )


def _line(words: Sequence[str], *options: tuple[str, str]) -> str:
    """As a shell takes it; options without a value are left out."""
    given = [part for option, value in options if value for part in (option, value)]
    return shlex.join([*words, *given])


def _check(model: type[BaseModel], **said: Any) -> None:
    try:
        model(**said)
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"] == ("name",):
            raise HookRefusedError(
                "a hook's name is a small letter, then small letters, digits, dots, dashes and "
                "underscores, 64 characters at most"
            ) from None
        where = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        raise HookRefusedError(f"{where}: {what}") from None
