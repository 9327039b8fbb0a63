"""The dashboard's pages: each module here has `mount(services)`, which adds its pages."""

from __future__ import annotations

from hub.services import Services

__all__ = ["mount_all"]


def mount_all(services: Services) -> None:
    """Add every page to the dashboard. One that belongs into the menu stands in hub/web/menu.py."""
    # They load NiceGUI, which is loaded when the first page is asked for.
    from hub.web.pages import (  # noqa: PLC0415
        access,
        account,
        add,
        device,
        devices,
        everywhere,
        home,
        homekit,
        hooks,
        imports,
        log,
        notifications,
        people,
        places,
        search,
        sites,
        storage,
        system,
        tokens,
        updates,
    )

    for page in (
        home,
        everywhere,
        search,
        devices,
        device,
        add,
        places,
        sites,
        notifications,
        updates,
        homekit,
        access,
        people,
        tokens,
        system,
        storage,
        hooks,
        log,
        imports,
        account,
    ):
        page.mount(services)
