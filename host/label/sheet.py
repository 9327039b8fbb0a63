"""Sheets of labels to print and stick on: A4, as PNG or PDF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from contracts import qr
from host import files
from host.label.errors import SheetError
from host.label.label import Label

__all__ = ["PER_SHEET", "pages", "write"]

# Labels of 70 x 37 mm, 3 beside each other and 8 below: the commonest sheet of A4.
_COLUMNS, _ROWS = 3, 8
PER_SHEET = _COLUMNS * _ROWS
_DPI = 300
_INCH_MM = 25.4
_SHEET_MM, _LABEL_MM = (210, 297), (70, 37)
# The code with its quiet zone, and what is beside it; printers leave out some of the edge.
_CODE_MM, _EDGE_MM, _TEXT_MM = 30, 3, 33
_FONT_MM, _LINE_MM = 2.9, 4.6
_WHITE, _BLACK = 255, 0
_KINDS = {".png": "PNG", ".pdf": "PDF"}


def write(path: Path, labels: Sequence[Label]) -> list[Path]:
    """Write a sheet, or several if they do not fit one; the files: a PDF has all its pages.

    Raises SheetError, FileWriteError.
    """
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise SheetError(f"{path}: a sheet is a .pdf or a .png file")
    if not labels:
        raise SheetError("no label is known here: flash a device, or connect one (dormouse label)")
    sheets = pages(labels)
    if kind == "PDF":
        _save(path, sheets, kind)
        return [path]
    if len(sheets) == 1:
        names = [path]
    else:
        names = [path.with_stem(f"{path.stem}-{number}") for number in range(1, len(sheets) + 1)]
    for name, sheet in zip(names, sheets, strict=True):
        _save(name, [sheet], kind)
    return names


def pages(labels: Sequence[Label]) -> list[Image.Image]:
    """The sheets, 300 dots an inch, black on white."""
    parts = range(0, len(labels), PER_SHEET)
    return [_page(labels[first : first + PER_SHEET]) for first in parts]


def _page(labels: Sequence[Label]) -> Image.Image:
    sheet = Image.new("L", (_dots(_SHEET_MM[0]), _dots(_SHEET_MM[1])), _WHITE)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_dots(_FONT_MM))
    for number, label in enumerate(labels):
        row, column = divmod(number, _COLUMNS)
        left, top = column * _LABEL_MM[0], row * _LABEL_MM[1]
        code = _code(label.text)
        sheet.paste(code, (_dots(left + _EDGE_MM), _dots(top + _EDGE_MM)))
        # The widest password fits a line of its own only.
        lines = [text for field in label.fields for text in field if text]
        for line, text in enumerate(lines):
            at = _dots(left + _TEXT_MM + 1), _dots(top + 2 * _EDGE_MM + line * _LINE_MM)
            draw.text(at, text, fill=_BLACK, font=font)
    return sheet


def _code(text: str) -> Image.Image:
    """The QR code with its quiet zone, at most as large as there is room, of whole dots."""
    modules = qr.modules(text, border=qr.QUIET_ZONE)
    code = Image.new("L", (len(modules), len(modules)))
    code.putdata([_BLACK if module else _WHITE for row in modules for module in row])
    scale = _dots(_CODE_MM) // len(modules)
    side = scale * len(modules)
    return code.resize((side, side), Image.Resampling.NEAREST)


def _save(path: Path, sheets: Sequence[Image.Image], kind: str) -> None:
    out = io.BytesIO()
    if kind == "PDF":
        sheets[0].save(out, kind, resolution=_DPI, save_all=True, append_images=sheets[1:])
    else:
        sheets[0].save(out, kind, dpi=(_DPI, _DPI))
    # Passwords stand on it.
    files.write(path, out.getvalue(), mode=0o600)


def _dots(mm: float) -> int:
    return round(mm / _INCH_MM * _DPI)
