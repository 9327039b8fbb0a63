"""Python's collector of cycles, set for a process that holds much and makes much."""

from __future__ import annotations

import gc

__all__ = ["expect_load"]

# A collection for every 50,000 objects more, not for every 700: some 5 MB that wait. What is older
# is looked through a tenth as often each time, as it is by default.
_THRESHOLDS = (50_000, 10, 10)


def expect_load() -> None:
    """From now on much comes and goes; what is there by now stays, and is not looked through again.

    With Python's own settings a flood of messages spends a quarter of its time on a search for
    cycles among modules, accessories and accounts, which have none to be freed.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
