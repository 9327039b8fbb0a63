"""Every setting as a flag of a command, made from the one schema."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from hub.settings import Settings

__all__ = ["with_settings"]


def with_settings(command: Callable[..., None], *names: str) -> Callable[..., None]:
    """A Typer command whose flags are the named settings (all without names).

    The command is called with keyword arguments: text for a flag that was given, None otherwise;
    `hub.settings.load` turns them into Settings, so a flag and its environment twin are checked
    by the same rule.
    """

    def call(**flags: Any) -> None:
        command(**flags)

    call.__doc__ = command.__doc__
    call.__name__ = command.__name__
    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what inspect reads
        [_parameter(name) for name in names or Settings.model_fields]
    )
    call.__annotations__ = dict.fromkeys(names or Settings.model_fields, str | None)
    return call


def _parameter(name: str) -> inspect.Parameter:
    field = Settings.model_fields[name]
    default = field.get_default(call_default_factory=True, validated_data={})
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        help=f"{field.description} [default: {default}]" if default != "" else field.description,
        envvar=f"DORMOUSE_{name.upper()}",
        show_default=False,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[str | None, option],
    )
