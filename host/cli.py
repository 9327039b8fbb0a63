"""All commands of `dormouse`; each is loaded when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import typer

from host import nohub
from host.as_json import add_json
from host.examples import EXAMPLES
from host.root import CommandGroup, new_root

__all__ = ["COMMANDS", "command", "root"]

# A module has `mount(root)`, or a group `app` that goes by the name. In the order of --help: what
# people do first.
COMMANDS: Final = {
    "demo": "host.twin_cli",
    "hub": "hub.cli",
    "status": "hub.cli",
    "logs": "hub.cli",
    "explain": "hub.explain.commands",
    "doctor": "host.doctor_cli",
    "service": "host.service.cli",
    "homekit": "hub.homekit.commands",
    "notify": "hub.notifications.commands",
    "zone": "hub.zones.commands",
    "flash": "host.flash.cli",
    "provision": "host.provision.cli",
    "label": "host.provision.label_cli",
    "boards": "host.flash.cli",
    "devices": "hub.devices.account_commands",
    "config": "hub.device_settings.commands",
    "search": "hub.searches.commands",
    "site": "hub.sites.commands",
    "mapping": "hub.mapping.commands",
    "ota": "host.ota.cli",
    "firmware": "host.firmware_cli",
    "rollout": "hub.rollouts.commands",
    "sign": "host.ota.cli",
    "hook": "hub.hooks.commands",
    "image": "host.image_cli",
    "keys": "host.keys_cli",
    "people": "hub.people.commands",
    "token": "hub.tokens.commands",
    "twin": "host.twin_cli",
    "rehearse": "host.chip.rehearse_cli",
    "new-driver": "host.newdriver.cli",
}
# Each panel of --help begins with the command it names here.
_PANELS: Final = {
    "demo": "The hub",
    "flash": "Devices",
    "ota": "Updates",
    "people": "Who may do what",
    "twin": "Without hardware, and for developers",
}
# What a hub adds to a group of the laptop's: a module with `mount(group)`, and its commands.
_ADDED: Final = {
    "host.firmware_cli": ("host.ota.store_cli", ("add", "list", "show", "remove")),
    "host.ota.cli": ("host.ota.device_command", ("device",)),
}


def root(only: str | None = None) -> typer.Typer:
    """`dormouse` with that command alone, which starts in a third of the time; else with all."""
    app = new_root(list(COMMANDS), _PANELS)
    mounted = set()
    for name in [only] if only in COMMANDS else COMMANDS:
        module = COMMANDS[name]
        if module not in mounted:
            _mount(app, module, name)
        mounted.add(module)
    _finish(app)
    for example in EXAMPLES:
        _show_example(app, example)
    return app


def command(arguments: Sequence[str]) -> Any:
    """What carries out a command line, with the one command that it names, else with all."""
    named = arguments[0] if arguments else None
    if "_DORMOUSE_COMPLETE" in os.environ:
        line = os.environ.get("_TYPER_COMPLETE_ARGS", os.environ.get("COMP_WORDS", ""))
        words = line.split()
        if len(words) + line.endswith(" ") <= 2:
            return typer.main.get_command(_names())
        named = words[1]
    return typer.main.get_command(root(named))


def _names() -> typer.Typer:
    """Commands by name alone: a shell that completes the first word is answered at once."""
    app = new_root(list(COMMANDS), _PANELS)
    for name in COMMANDS:
        app.command(name)(lambda: None)
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


def _show_example(group: typer.Typer, example: str) -> None:
    """Have the --help of the command that an example is of end with it."""
    words = iter(example.split())
    for word in words:
        inner = [one for one in group.registered_groups if _name(one) == word]
        if inner and inner[-1].typer_instance is not None:
            group = inner[-1].typer_instance  # the one that counts
            continue
        for one in group.registered_commands:
            if _name(one) == word:
                one.epilog = f"Example: dormouse {example}"
        return


def _name(one: Any) -> str | None:
    """What a command, or a group, is called."""
    if isinstance(one.name, str):
        return one.name
    callback = getattr(one, "callback", None)
    return None if callback is None else str(callback.__name__).replace("_", "-")


def _finish(group: typer.Typer) -> None:
    """Give every command of a group a --json, and every group its ways."""
    for one in group.registered_commands:
        if one.callback is not None:
            one.callback = add_json(one.callback)
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            own: Any = inner.typer_instance.info.cls
            if not isinstance(own, type):  # else it is a CommandGroup of its own kind
                inner.typer_instance.info.cls = CommandGroup
            _finish(inner.typer_instance)


def _load(module: str) -> ModuleType | None:
    """A module; None for one of the hub's where the hub is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if module.startswith("hub.") and not str(error.name).startswith(("hub.", "host.")):
            return None
        raise
