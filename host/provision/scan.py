"""Looking for sensors from the device's prompt, with the firmware's own code.

Where there is no firmware yet its sources are typed in: without docstrings and comments, since the
heap that compiles them is small.
"""

from __future__ import annotations

import ast
from pathlib import Path

__all__ = ["program"]

_MODULES = ("checksum", "onewire_bus", "scan")
_PACKAGE = "dormouse.sensors"
_CALL = "import json\nprint(json.dumps(scan(%r, %r, %r)))\n"


def program(
    firmware: Path, scl: int | None, sda: int | None, onewire: list[int], *, installed: bool
) -> str:
    """A program that prints what `dormouse.sensors.scan.scan` finds, as JSON."""
    call = _CALL % (scl, sda, onewire)
    if installed:
        return f"from {_PACKAGE}.scan import scan\n{call}"
    folder = firmware.joinpath(*_PACKAGE.split("."))
    return "".join(_bare(folder / f"{name}.py") for name in _MODULES) + call


def _bare(path: Path) -> str:
    """A module's code alone; what it takes of ours was typed in before it."""
    tree = ast.parse(path.read_text("utf-8"))
    tree.body = [node for node in tree.body if not (_is_text(node) or _is_ours(node))]
    for scope in ast.walk(tree):
        if isinstance(scope, (ast.FunctionDef, ast.ClassDef)):
            scope.body = [node for node in scope.body if not _is_text(node)] or [ast.Pass()]
        if isinstance(scope, ast.FunctionDef):
            scope.returns = None
            for argument in scope.args.args:
                argument.annotation = None
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _is_ours(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dormouse")


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
