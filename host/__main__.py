"""Where the command `dormouse` begins."""

from __future__ import annotations

import sys

import typer

from host.errors import HostError

try:
    from hub.errors import HubError
except ModuleNotFoundError:  # a laptop without the hub
    from host.nohub import HubError  # type: ignore[assignment]  # stands in for the absent one


def _app() -> typer.Typer:
    """All commands; for `dormouse hub` that one alone.

    A hub runs for months on a machine with little memory: it need not hold the laptop's commands.
    """
    if sys.argv[1:2] == ["hub"]:
        from host.root import new_root  # noqa: PLC0415  # see above

        app = new_root()
        try:
            from hub.cli import mount  # noqa: PLC0415
        except ModuleNotFoundError:
            from host.nohub import mount  # noqa: PLC0415
        mount(app)
        return app
    from host.cli import app as everything  # noqa: PLC0415

    return everything


def main() -> None:
    """Run the command line; an error of ours is one line and its own exit status."""
    try:
        _app()()
    except (HostError, HubError) as error:
        typer.echo(f"dormouse: {error}", err=True)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
