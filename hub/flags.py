"""Every setting as a flag of a command, made from the one schema."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from hub.settings import Settings

__all__ = ["with_settings"]


def with_settings(command: Callable[..., None], *names: str) -> Callable[..., None]:
    """The command with the named settings (all of them without names) as further flags.

    `command(..., **flags)` keeps its own parameters and gets each setting as text, or None where
    neither flag nor environment names it; `hub.settings.load(**flags)` makes Settings of them, so
    that a flag and its environment twin obey one rule.
    """
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    flags = [_parameter(name) for name in names or Settings.model_fields]

    def call(**given: Any) -> None:
        command(**given)

    call.__doc__ = command.__doc__
    call.__name__ = command.__name__
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    call.__signature__ = inspect.Signature([*keyword, *flags])  # type: ignore[attr-defined]  # what inspect reads
    call.__annotations__ = {p.name: p.annotation for p in [*own, *flags]}
    return call


def _parameter(name: str) -> inspect.Parameter:
    field = Settings.model_fields[name]
    default = field.get_default(call_default_factory=True, validated_data={})
    text = field.description or ""
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        help=f"{text} (default: {default})" if default != "" else text,
        envvar=f"DORMOUSE_{name.upper()}",
        show_default=False,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[str | None, option],
    )
