"""Modules that are wanted once are let go of, and whoever imports them has them anew."""

import gc
import sys

import dormouse
from dormouse import forget


def free():
    gc.collect()
    return gc.mem_free()


def load_and_forget():
    """How much of the heap a module takes, and what is left of that when it is forgotten."""
    before = free()
    lease = __import__("dormouse.lease").lease
    lease.MAX_S = 1
    loaded = before - free()
    lease = None
    forget("lease", "ota")
    return loaded, before - free()


# What the first of its kind leaves is paths and names.
load_and_forget()
loaded, left = load_and_forget()
assert loaded > 400, loaded
assert left < loaded // 4, (loaded, left)
assert "dormouse.lease" not in sys.modules
assert not hasattr(dormouse, "lease")

assert __import__("dormouse.lease").lease.MAX_S == 6 * 3600
print("ok")
