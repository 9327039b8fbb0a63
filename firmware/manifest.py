"""Frozen modules for a MicroPython build: this package beside what the ESP8266 port needs.

In place of the port's own manifest, since its flashbdev.py and inisetup.py would be frozen beside
ours. Its dht, onewire and ds18x20 are left out: our drivers use the port's primitives, and 1 MiB is
small.
"""
# MicroPython's build defines these names (its docs, "Manifest files"); the checker knows none.
# ruff: noqa: F821

freeze("$(PORT_DIR)/modules", ("_boot.py",))  # type: ignore[name-defined]  # the build's
module("flashbdev.py", base_path="boards/DORMOUSE", opt=3)  # type: ignore[name-defined]  # the build's
module("flash_map.py", base_path="boards/DORMOUSE", opt=3)  # type: ignore[name-defined]  # the build's
module("inisetup.py", base_path="boards/DORMOUSE", opt=3)  # type: ignore[name-defined]  # the build's
module("boot.py", base_path="boards/DORMOUSE", opt=3)  # type: ignore[name-defined]  # the build's
package("dormouse", opt=3)  # type: ignore[name-defined]  # the build's
module("ota.py", opt=3)  # type: ignore[name-defined]  # the build's
module("main.py", opt=3)  # type: ignore[name-defined]  # the build's
