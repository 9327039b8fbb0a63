"""Every command that our pages name is there, with the options that they give it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from host.cli import root
from tests.docs.test_links import PAGES, TOP

ROOT = typer.main.get_command(root())
_BLOCK = re.compile(r"^```\w*\n(.*?)^```|^((?:    .*\n)+)", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")


def lines(text: str) -> Iterator[str]:
    """What stands in blocks of code and in backquotes."""
    for block in _BLOCK.finditer(text):
        yield from (block.group(1) or block.group(2)).splitlines()
    yield from _INLINE.findall(re.sub(_BLOCK, "", text))


def commands(line: str) -> Iterator[list[str]]:
    """The words after `dormouse`, once for each of the alternatives `a|b` or `a 1 | b 2`."""
    for part in re.sub(r"\s#.*| {4,}.*", "", line.strip()).split("&&"):
        if found := re.match(r"(?:\S*/)?dormouse\s+(\w.*)", part.strip()):
            first, *others = re.split(r"\s\|\s", found.group(1).translate({91: None, 93: None}))
            words = shlex.split(first)
            for alternative in [words, *(words[:1] + shlex.split(other) for other in others)]:
                group, *names = alternative
                for name in names[0].split("|") if names else ():
                    yield [group, name, *names[1:]]
                if not names:
                    yield [group]


def options(command: Any) -> dict[str, bool]:
    """The options of a command; whether each takes a value."""
    return {
        name: not getattr(one, "is_flag", False)
        for one in command.params
        for name in [*one.opts, *one.secondary_opts]
        if name.startswith("-")
    }


def fault(words: list[str]) -> str:
    """What is wrong with a command line, empty when nothing is."""
    at: Any = ROOT
    known = options(at) | {"--help": False}
    rest = iter(words)
    for word in rest:
        # `dormouse ota ADDRESS IMAGE` is short for `dormouse ota send ADDRESS IMAGE`.
        if at.name == "ota" and hasattr(at, "commands") and word not in at.commands:
            at = at.commands["send"]
            known |= options(at)
        if word.startswith("-"):
            name = word.partition("=")[0]
            if name not in known:
                return f"no option {name} of {at.name}"
            if known[name] and "=" not in word:
                next(rest, None)
        elif hasattr(at, "commands"):
            if word not in at.commands:
                return f"no command {word} of {at.name}"
            at = at.commands[word]
            known |= options(at)
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_every_command_is_there(page):
    found = [words for line in lines(page.read_text("utf-8")) for words in commands(line)]
    assert not [(words, why) for words in found if (why := fault(words))]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("dormouse rollout pause 3 | resume 3 | abort 3", ""),
        ("dormouse rollout pause 3 | stop 3", "no command stop of rollout"),
        ("dormouse status --jason   # values", "no option --jason of status"),
        ("dormouse ota 192.168.1.7 x.ota --board nodemcu", ""),
        (".venv/bin/dormouse hub nonsense", "no command nonsense of hub"),
    ],
)
def test_a_command_that_is_not_there_is_found(line, wrong):
    faults = [why for words in commands(line) if (why := fault(words))]
    assert faults == ([wrong] if wrong else [])
