"""The dashboard's menu: four pages for everybody, the settings of those who administer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hub.api.principal import Principal

__all__ = ["MENU", "MenuEntry", "menu_of"]


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """A page of the menu; `icon` is one of Material Icons.

    `parts` are pages that belong to it and are reached from there (title, path); `setting`: below
    the heading Settings, for administrators alone.
    """

    title: str
    path: str
    icon: str
    parts: tuple[tuple[str, str], ...] = ()
    setting: bool = False

    def holds(self, path: str) -> bool:
        """Whether the page at `path` is this one or belongs to it."""
        if self.path == "/":
            return path == "/"
        here = (self.path, *(part for _, part in self.parts))
        return any(path == one or path.startswith(one + "/") for one in here)


MENU = (
    MenuEntry("Home", "/", "home"),
    MenuEntry("Devices", "/devices", "sensors", (("Places", "/places"), ("Search", "/search"))),
    MenuEntry("Notifications", "/notifications", "notifications_none"),
    MenuEntry("Updates", "/updates", "system_update_alt"),
    MenuEntry("Apple Home", "/homekit", "phone_iphone", setting=True),
    MenuEntry("People", "/people", "group", setting=True),
    MenuEntry("Access", "/access", "key", (("Tokens", "/tokens"),), setting=True),
    MenuEntry(
        "System",
        "/system",
        "tune",
        (
            ("Storage", "/storage"),
            ("Sites", "/sites"),
            ("Hooks", "/hooks"),
            ("Log", "/log"),
            ("Import history", "/imports"),
        ),
        setting=True,
    ),
)
"""Its entries, from top to bottom."""


def menu_of(principal: Principal) -> Iterator[MenuEntry]:
    """Those that `principal` sees."""
    return (one for one in MENU if principal.administers or not one.setting)
