"""The dashboard's pages: each module here has `mount(site)` and may have a `LINK` for the menu."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = ["Link", "links", "mount_all"]


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the menu; `order` is its place in it, `icon` one of Material Icons."""

    title: str
    path: str
    icon: str
    order: int
    administrators_only: bool = False


_links: list[Link] = []


def mount_all(site: Site) -> None:
    """Load every page and add it to the dashboard."""
    _links.clear()
    for found in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        module = import_module(f"{__name__}.{found.name}")
        if hasattr(module, "mount"):
            module.mount(site)
        if hasattr(module, "LINK"):
            _links.append(module.LINK)


def links(*, administers: bool) -> list[Link]:
    """The menu."""
    shown = [link for link in _links if administers or not link.administrators_only]
    return sorted(shown, key=lambda link: link.order)
