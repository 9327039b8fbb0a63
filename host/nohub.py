"""The hub's commands where the hub is not installed: each says how to install it."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from host.errors import HostError

__all__ = ["HubNotInstalledError", "refuse"]


class HubNotInstalledError(HostError):
    """The hub is not installed here: pip install 'dormouse-home[hub]'."""


def _refuse() -> None:
    raise HubNotInstalledError


def refuse(group: typer.Typer, names: Iterable[str]) -> None:
    """Add commands of these names, so that they are known and say what is missing."""
    for name in names:
        group.command(name, help="Needs the hub: pip install 'dormouse-home[hub]'.")(_refuse)
