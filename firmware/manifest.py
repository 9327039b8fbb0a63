"""Frozen modules for a MicroPython build: this package beside the port's own."""

include("$(PORT_DIR)/boards/manifest.py")  # type: ignore[name-defined]  # noqa: F821
package("dormouse", opt=3)  # type: ignore[name-defined]  # noqa: F821
module("ota.py", opt=3)  # type: ignore[name-defined]  # noqa: F821
module("main.py", opt=3)  # type: ignore[name-defined]  # noqa: F821
