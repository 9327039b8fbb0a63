"""Units that devices measure in."""

from __future__ import annotations

__all__ = ["UNITS"]

UNITS: dict[str, tuple[float, float]] = {
    "C": (1, 0), "F": (5 / 9, -160 / 9), "K": (1, -273.15),
    "hPa": (1, 0), "mbar": (1, 0), "Pa": (0.01, 0), "kPa": (10, 0), "bar": (1000, 0),
    "mmHg": (1.33322387415, 0), "inHg": (33.8638866667, 0), "psi": (68.9475729318, 0),
    "W": (1, 0), "mW": (0.001, 0), "kW": (1000, 0), "kWh": (1, 0), "Wh": (0.001, 0),
    "V": (1, 0), "mV": (0.001, 0), "A": (1, 0), "mA": (0.001, 0),
    "%": (1, 0), "fraction": (100, 0), "lx": (1, 0), "s": (1, 0), "min": (60, 0), "ms": (0.001, 0),
}  # fmt: skip
"""What a device may measure in: factor and offset to HomeKit's unit."""
