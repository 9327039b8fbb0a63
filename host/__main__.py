"""Where the command `dormouse` begins."""

from __future__ import annotations

import sys

import typer

from contracts.errors import DormouseError
from host.cli import root


def main() -> None:
    """Run the command line; an error of ours is one line and its own exit status."""
    try:
        root(sys.argv[1] if sys.argv[1:] else None)()
    except DormouseError as error:
        typer.echo(f"dormouse: {error}", err=True)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
