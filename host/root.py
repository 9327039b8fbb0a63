"""The root of the command line, before any command is mounted on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from contracts import resources

__all__ = ["CommandGroup", "new_root"]


class CommandGroup(TyperGroup):
    """A group of commands: named alone it says what is in it, and that is no mistake."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer's, but exit status 0 for the list."""
        lists = self.no_args_is_help or not self.invoke_without_command
        if not args and lists and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), nl=False)
            raise typer.Exit
        return super().parse_args(ctx, args)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(resources.release())
        raise typer.Exit


def new_root(order: Sequence[str], panels: Mapping[str, str]) -> typer.Typer:
    """`dormouse` with --version and nothing else.

    Commands will stand in this order in --help, in panels that begin with the commands named;
    others follow them.
    """

    class Root(CommandGroup):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            names = [name for name in order if name in self.commands]
            names += [name for name in self.commands if name not in names]
            self.commands = {name: self.commands[name] for name in names}
            panel = None
            for name in [*order, *names]:
                panel = panels.get(name, panel)
                one: Any = self.commands.get(name)
                if one is not None:
                    one.rich_help_panel = panel

    app = typer.Typer(
        name="dormouse",
        cls=Root,
        help="Sensors that sleep nearly all the time, and the hub that hears them.",
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def root(
        _version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True),
    ) -> None:
        """What every command shares."""

    return app
