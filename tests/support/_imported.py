"""What a forked `dormouse` needs, imported once; see tests/support/forked.py.

Pages too, which a hub itself imports when somebody looks at one.
"""

import os
from importlib import import_module

from host.cli import COMMANDS

os.environ.setdefault("NICEGUI_STORAGE_PATH", os.devnull + "/nicegui")  # as hub/web/dashboard.py
_PAGES = ("nicegui.ui", "hub.web.clients", "hub.web.errors", "hub.web.frame", "hub.web.pages")
for _module in ("host.__main__", "hub.app", *sorted(set(COMMANDS.values())), *_PAGES):
    import_module(_module)
