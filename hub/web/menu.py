"""The dashboard's menu: four pages for everybody, the settings of those who administer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hub.api.principal import Principal
from hub.language.words import N_

__all__ = ["MENU", "MenuEntry", "menu_of"]


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """A page of the menu; `icon` is one of Material Icons; titles are shown by `_`.

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
    MenuEntry(N_("Home"), "/", "home"),
    MenuEntry(
        N_("Devices"), "/devices", "sensors", ((N_("Places"), "/places"), (N_("Search"), "/search"))
    ),
    MenuEntry(N_("Notifications"), "/notifications", "notifications_none"),
    MenuEntry(N_("Updates"), "/updates", "system_update_alt"),
    MenuEntry(N_("Apple Home"), "/homekit", "phone_iphone", setting=True),
    MenuEntry(N_("People"), "/people", "group", setting=True),
    MenuEntry(N_("Access"), "/access", "key", ((N_("Tokens"), "/tokens"),), setting=True),
    MenuEntry(
        N_("System"),
        "/system",
        "tune",
        (
            (N_("Storage"), "/storage"),
            (N_("Sites"), "/sites"),
            (N_("Hooks"), "/hooks"),
            (N_("Log"), "/log"),
            (N_("Import history"), "/imports"),
        ),
        setting=True,
    ),
)
"""Its entries, from top to bottom."""


def menu_of(principal: Principal) -> Iterator[MenuEntry]:
    """Those that `principal` sees."""
    return (one for one in MENU if principal.administers or not one.setting)
