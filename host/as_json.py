"""`--json` for commands that have none of their own: what the hub answered, else their words."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from contracts.hub_client import recorded

__all__ = ["JsonEvents", "add_json", "to_stderr"]

JsonEvents = Annotated[bool, typer.Option("--json", help="an object a line for what goes on")]
"""The flag of a command that runs for long."""

_OPTION = Annotated[bool, typer.Option("--json", help="as JSON, for programs")]


def add_json(callback: Callable[..., Any]) -> Callable[..., Any]:
    """The command with a flag --json, which prints one JSON value and nothing else.

    It is the hub's last answer, in the API's own form; `{"message": ...}` with the command's words
    where it asked no hub, or one that had nothing to say. A command with a flag of that name stays
    as it is.
    """
    signature = inspect.signature(callback, eval_str=True)
    own = list(signature.parameters.values())
    if any(_is_json(one) for one in own):
        return callback
    flag = inspect.Parameter(
        "as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_OPTION
    )

    def call(*, as_json: bool = False, **given: Any) -> None:
        if as_json:
            _as_json(callback, given)
        else:
            callback(**given)

    call.__doc__ = callback.__doc__
    call.__name__ = callback.__name__
    parameters = [*(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own), flag]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect reads
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    return call


def _is_json(parameter: inspect.Parameter) -> bool:
    if parameter.name == "as_json":
        return True
    options = [parameter.default, *getattr(parameter.annotation, "__metadata__", ())]
    return any("--json" in (getattr(one, "param_decls", None) or ()) for one in options)


def _as_json(callback: Callable[..., Any], given: dict[str, Any]) -> None:
    written = io.BytesIO()
    said = io.TextIOWrapper(written, "utf-8", write_through=True)
    answer, ending = None, None
    with recorded() as answers, to_stderr(), contextlib.redirect_stdout(said):
        try:
            callback(**given)
        except typer.Exit as end:
            ending = end
    for answer in reversed(answers):
        if answer is not None:
            break
    if answer is None:
        text = written.getvalue().decode("utf-8", "replace")
        answer = {"message": text.strip()}
    typer.echo(json.dumps(answer, ensure_ascii=False))
    if ending is not None:
        raise ending


@contextlib.contextmanager
def to_stderr() -> Iterator[None]:
    """What children print goes to standard error meanwhile."""
    out = sys.__stdout__
    if out is None or out is not sys.stdout:
        yield  # a test's, or another program's, whose children are not ours
        return
    out.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
