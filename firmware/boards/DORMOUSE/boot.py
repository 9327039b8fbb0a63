"""What runs before main.py in a frozen build, in place of a boot.py on the filesystem.

All modules are frozen or built in. Where the port's path stands, each import searches the
filesystem first: 12.5 ms for each of some forty, at every wake. Whenever a module asks for a
built-in one, MicroPython looks for another of its name first, among all that are frozen: those that
a wake uses are known by then, found while there is no path at all. That is a fifth of a wake.
"""

import sys

sys.path[:] = []
for name in (
    "binascii",
    "errno",
    "hashlib",
    "json",
    "machine",
    "os",
    "select",
    "socket",
    "struct",
    "time",
):
    sys.modules[name] = __import__(name)
del name
sys.path.append(".frozen")
