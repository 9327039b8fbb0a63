"""What a forked `dormouse` needs, imported once; see tests/support/forked.py."""

from importlib import import_module

from host.cli import COMMANDS

for _module in ("host.__main__", "hub.app", *sorted(set(COMMANDS.values()))):
    import_module(_module)
