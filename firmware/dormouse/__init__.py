"""Dormouse on the device."""

import sys


def forget(*names: str) -> None:
    """Let go of modules of this package that are wanted once; whoever imports them has them anew.

    A dictionary keeps the value of what was removed from it until its place is taken, and with it
    all of the module: so None stands there.
    """
    for modules, prefix in ((sys.modules, "dormouse."), (globals(), "")):
        for name in names:
            if prefix + name in modules:
                modules[prefix + name] = None  # type: ignore[assignment]  # for its place
                del modules[prefix + name]
