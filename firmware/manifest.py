"""Frozen modules for a MicroPython build: this package beside what the ESP8266 port needs.

In place of the port's own manifest, since its flashbdev.py and inisetup.py would be frozen beside
ours. Its dht, onewire and ds18x20 are left out: our drivers use the port's primitives, and 1 MiB is
small.
"""

import os

# By name: left to itself MicroPython freezes them in the order of the disk, and other disks make
# other bytes of the same sources. An import goes through the names up to its own, so what a wake
# imports stands before portal and sensors.
MODULES = sorted(
    (
        f"{folder}/{name}"[len("dormouse/") :]
        for folder, _, names in os.walk("dormouse")
        for name in names
        if name.endswith(".py")
    ),
    key=lambda path: (path.count("/"), path),
)

# MicroPython's build defines these names (its docs, "Manifest files"); the checker knows none.
# ruff: noqa: F821

freeze("$(PORT_DIR)/modules", ("_boot.py",))  # type: ignore[name-defined]  # the build's
module("flashbdev.py", base_path="boards/DORMOUSE", opt=3)  # type: ignore[name-defined]  # the build's
module("flash_map.py", base_path="boards/DORMOUSE", opt=3)  # type: ignore[name-defined]  # the build's
module("inisetup.py", base_path="boards/DORMOUSE", opt=3)  # type: ignore[name-defined]  # the build's
module("boot.py", base_path="boards/DORMOUSE", opt=3)  # type: ignore[name-defined]  # the build's
package("dormouse", files=MODULES, opt=3)  # type: ignore[name-defined]  # the build's
module("ota.py", opt=3)  # type: ignore[name-defined]  # the build's
module("main.py", opt=3)  # type: ignore[name-defined]  # the build's
