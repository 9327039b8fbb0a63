"""All commands of `dormouse`; each is loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Final

import typer

from host import nohub
from host.root import new_root

__all__ = ["COMMANDS", "root"]

# In the order of --help. A module has `mount(root)`, or a group `app` that goes by the name.
COMMANDS: Final = {
    "keys": "host.keys_cli",
    "image": "host.image_cli",
    "firmware": "host.firmware_cli",
    "sign": "host.ota.cli",
    "ota": "host.ota.cli",
    "flash": "host.flash.cli",
    "boards": "host.flash.cli",
    "rehearse": "host.chip.rehearse_cli",
    "provision": "host.provision.cli",
    "label": "host.provision.label_cli",
    "new-driver": "host.newdriver.cli",
    "twin": "host.twin_cli",
    "demo": "host.twin_cli",
    "hub": "hub.cli",
    "status": "hub.cli",
    "homekit": "hub.homekit.commands",
    "devices": "hub.devices.account_commands",
    "search": "hub.searches.commands",
    "config": "hub.device_settings.commands",
    "rollout": "hub.rollouts.commands",
    "explain": "hub.explain.commands",
    "zone": "hub.zones.commands",
    "people": "hub.people.commands",
    "token": "hub.tokens.commands",
    "mapping": "hub.mapping.commands",
}
# What a hub adds to a group of the laptop's: a module with `mount(group)`, and its commands.
_ADDED: Final = {
    "host.firmware_cli": ("host.ota.store_cli", ("add", "list", "show", "remove")),
    "host.ota.cli": ("host.ota.device_command", ("device",)),
}


def root(only: str | None = None) -> typer.Typer:
    """`dormouse` with that command alone, which starts in a third of the time; else with all."""
    app = new_root()
    mounted = set()
    for name in [only] if only in COMMANDS else COMMANDS:
        module = COMMANDS[name]
        if module not in mounted:
            _mount(app, module, name)
        mounted.add(module)
    return app


def _mount(app: typer.Typer, module: str, name: str) -> None:
    part = _load(module)
    if part is None:
        nohub.refuse(app, [name for name, its in COMMANDS.items() if its == module])
        return
    if hasattr(part, "mount"):
        part.mount(app)
    else:
        app.add_typer(part.app, name=name)
    if module in _ADDED:
        more, names = _ADDED[module]
        added = _load(more)
        if added is None:
            nohub.refuse(part.app, names)
        else:
            added.mount(part.app)


def _load(module: str) -> ModuleType | None:
    """A module; None for one of the hub's where the hub is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if module.startswith("hub.") and not str(error.name).startswith(("hub.", "host.")):
            return None
        raise
