"""The root of the command line, before any command is mounted on it."""

from __future__ import annotations

import typer

from contracts import resources

__all__ = ["new_root"]


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(resources.release())
        raise typer.Exit


def new_root() -> typer.Typer:
    """`dormouse` with --version and nothing else."""
    app = typer.Typer(
        name="dormouse",
        help="Sensors that sleep nearly all the time, and the hub that hears them.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def root(
        _version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True),
    ) -> None:
        """What every command shares."""

    return app
