"""Colours as other programs write them, and HomeKit's hue and saturation. Pure."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["as_text", "hue_saturation", "rgb"]

_KINDS = frozenset({"rgb", "hsv", "xyz"})
_HEX = re.compile(r"#?([0-9A-Fa-f]{6})(?:[0-9A-Fa-f]{2}){0,2}")


def hue_saturation(raw: Any, numbers: str = "hsv") -> tuple[float, float] | None:
    """Hue in degrees and saturation in percent; None for what is no colour.

    Takes {hue, saturation}, {h, s}, {r, g, b}, {red, green, blue}, {x, y}, [r, g, b], "#RRGGBB",
    and three numbers with commas: "h,s,v" (Tasmota's HSBColor), "r,g,b" or "x,y" as `numbers` says
    (hsv, rgb, xyz), or as the first word does ("rgb,255,0,0").
    """
    try:
        return _of(raw, numbers)
    except (TypeError, ValueError, ArithmeticError):
        return None


def as_text(numbers: str, hue: float, saturation: float, brightness: float) -> str:
    """A colour as commas and numbers, each as `numbers` says (see `hue_saturation`)."""
    red, green, blue = (channel * brightness / 100 for channel in rgb(hue, saturation))
    if numbers == "rgb":
        return f"{round(red)},{round(green)},{round(blue)}"
    if numbers == "xyz":
        x, y = _to_xy(*rgb(hue, saturation))
        return f"{x:.4f},{y:.4f}"
    return f"{round(hue)},{round(saturation)},{round(brightness)}"


def rgb(hue: float, saturation: float) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, at full brightness."""
    red, green, blue = colorsys.hsv_to_rgb((hue % 360) / 360, saturation / 100, 1)
    return round(red * 255), round(green * 255), round(blue * 255)


def _of(raw: Any, numbers: str) -> tuple[float, float] | None:
    if isinstance(raw, dict):
        return _of_members({name: float(v) for name, v in raw.items() if _is_number(v)})
    if isinstance(raw, list) and len(raw) >= 3:
        return _of_rgb(*(float(part) for part in raw[:3]))
    return _of_text(raw.strip(), numbers) if isinstance(raw, str) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_members(members: Mapping[str, float]) -> tuple[float, float] | None:
    for hue, saturation in (("hue", "saturation"), ("h", "s")):
        if hue in members and saturation in members:
            return members[hue], members[saturation]
    for names in (("r", "g", "b"), ("red", "green", "blue")):
        if members.keys() >= set(names):
            return _of_rgb(*(members[name] for name in names))
    return _of_xy(members["x"], members["y"]) if members.keys() >= {"x", "y"} else None


def _of_text(text: str, numbers: str) -> tuple[float, float] | None:
    match = _HEX.fullmatch(text)
    if match is not None:
        return _of_rgb(*(float(part) for part in bytes.fromhex(match[1])))
    parts = text.split(",")
    if parts[0] in _KINDS:
        numbers = parts.pop(0)
    if len(parts) not in ({2, 3} if numbers == "xyz" else {3}):
        return None
    values = [float(part) for part in parts]
    if numbers == "rgb":
        return _of_rgb(*values)
    return _of_xy(*values[:2]) if numbers == "xyz" else (values[0], values[1])


def _of_rgb(red: float, green: float, blue: float) -> tuple[float, float]:
    most = max(red, green, blue, 1)
    hue, saturation, _ = colorsys.rgb_to_hsv(red / most, green / most, blue / most)
    return round(hue * 360, 2), round(saturation * 100, 2)


def _of_xy(x: float, y: float) -> tuple[float, float]:
    """From CIE 1931 chromaticity, by the sRGB matrix (IEC 61966-2-1), brightness left out."""
    big_x, big_z = x / y, (1 - x - y) / y
    linear = (
        3.2404542 * big_x - 1.5371385 - 0.4985314 * big_z,
        -0.9692660 * big_x + 1.8760108 + 0.0415560 * big_z,
        0.0556434 * big_x - 0.2040259 + 1.0572252 * big_z,
    )
    most = max(*linear, 1e-9)
    red, green, blue = (_gamma(max(part, 0) / most) for part in linear)
    return _of_rgb(red * 255, green * 255, blue * 255)


def _to_xy(red: float, green: float, blue: float) -> tuple[float, float]:
    """To CIE 1931 chromaticity, by the same matrix the other way."""
    r, g, b = (_linear(channel / 255) for channel in (red, green, blue))
    big_x = 0.4124564 * r + 0.3575761 * g + 0.1804375 * b
    big_y = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b
    big_z = 0.0193339 * r + 0.1191920 * g + 0.9503041 * b
    whole = big_x + big_y + big_z
    return big_x / whole, big_y / whole


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _gamma(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055
