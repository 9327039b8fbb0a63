"""The dashboard's menu."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MENU", "MenuEntry"]


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """A page of the menu; `icon` is one of Material Icons.

    `several_tenants`: for those alone who belong to more than one.
    """

    title: str
    path: str
    icon: str
    administrators_only: bool = False
    several_tenants: bool = False


MENU = (
    MenuEntry("Home", "/", "home"),
    MenuEntry("All tenants", "/everywhere", "domain", several_tenants=True),
    MenuEntry("Search", "/search", "search"),
    MenuEntry("Add a device", "/add", "add_circle_outline", administrators_only=True),
    MenuEntry("Places", "/places", "account_tree"),
    MenuEntry("Updates", "/updates", "system_update_alt"),
    MenuEntry("Apple Home", "/homekit", "phone_iphone"),
    MenuEntry("Access", "/access", "key", administrators_only=True),
    MenuEntry("People", "/people", "group", administrators_only=True),
    MenuEntry("Tokens", "/tokens", "terminal", administrators_only=True),
    MenuEntry("Storage", "/storage", "storage", administrators_only=True),
)
"""Its entries, from top to bottom."""
