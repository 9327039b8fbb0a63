"""The hub's commands where the hub is not installed: each says how to install it."""

from __future__ import annotations

import typer

from host.errors import HostError

__all__ = ["HubError", "mount", "mount_images", "mount_ota"]


class HubError(HostError):
    """The hub is not installed here: pip install 'dormouse[hub]'."""


def _refuse() -> None:
    raise HubError


def mount(app: typer.Typer) -> None:
    """Add the names of the hub's commands."""
    for name in ("hub", "status", "devices", "homekit", "demo"):
        app.command(name, help="Needs the hub: pip install 'dormouse[hub]'.")(_refuse)


def mount_images(group: typer.Typer) -> None:
    """Add the names of what the group `firmware` does with a hub."""
    for name in ("add", "list", "show", "remove"):
        group.command(name, help="Needs the hub: pip install 'dormouse[hub]'.")(_refuse)


def mount_ota(group: typer.Typer) -> None:
    """Add the names of what the group `ota` does with a hub."""
    group.command("device", help="Needs the hub: pip install 'dormouse[hub]'.")(_refuse)
