"""The program of a virtual device without MicroPython: the device's own modules in CPython.

usage: python -I -S run.py -m main | -c LINE

The folders of the firmware and of the chip's stand-ins are in MICROPYPATH, separated by colons. The
exit status is the program's, 1 for one that ended with an error.

Not as on a device: the heap (which has no end here), and what takes how long.
"""

from __future__ import annotations

import ast
import binascii
import errno
import gc
import hashlib
import io
import json
import linecache
import os
import random
import struct
import sys
import traceback
from collections.abc import Sequence
from importlib.machinery import FileFinder, ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

# What the firmware and its stand-ins import under CPython's own name: it is loaded before theirs
# (`time`, `socket`, `select`) take those names.
_LOADED = (binascii, errno, hashlib, io, json, linecache, os, random, struct, traceback)
_THEIRS = ("time", "socket", "select")
_HERE = Path(__file__).resolve().parent
_ERRNO = "_errno_of"
# Bytes, as the heap that a report speaks of: a device has some 20 KB when it is awake.
_HEAP_FREE = 20_480


def errno_of(error: object) -> object:
    """`error.errno` as MicroPython has it: the first argument, of one that has just one too."""
    if isinstance(error, OSError) and error.errno is None:
        return error.args[0] if error.args else None
    return error.errno  # type: ignore[attr-defined]  # whatever it is, it was asked for it


class _Transformer(ast.NodeTransformer):
    """`x.errno` becomes `errno_of(x)`."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:  # ast's name
        self.generic_visit(node)
        if node.attr != "errno" or not isinstance(node.ctx, ast.Load):
            return node
        call = ast.Call(ast.Name(_ERRNO, ast.Load()), [node.value], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))


class _Loader(SourceFileLoader):
    """Loads a module of the firmware, or one that stands in for the chip's."""

    def source_to_code(  # type: ignore[override]  # an instance's in SourceLoader, whose base has a static one
        self, data: Any, path: Any, *, _optimize: int = -1
    ) -> CodeType:
        """The code of a source (bytes)."""
        tree = _Transformer().visit(ast.parse(data, path))
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)


class _Finder:
    """Finds in `folders`, before CPython's own modules are asked."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = list(folders)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module is; None: none of ours."""
        return PathFinder.find_spec(name, self._folders if path is None else path, target)


def _hook(folders: Sequence[str]) -> Any:
    ours = FileFinder.path_hook((_Loader, [".py"]))

    def hook(path: str) -> Any:
        if any(path == folder or path.startswith(folder + "/") for folder in folders):
            return ours(path)
        raise ImportError(path)

    return hook


def _print_exception(error: BaseException, file: Any = None) -> None:
    traceback.print_exception(error, file=file or sys.stdout)


def _nothing(*_: object) -> None:
    """What only a small heap, or a console of its own, makes anything of."""


def prepare(folders: Sequence[str]) -> None:
    """Let this process be a device with its modules in `folders`."""
    import builtins  # noqa: PLC0415  # to be changed here

    setattr(builtins, _ERRNO, errno_of)
    # What looking up a name loads by itself, late.
    "x".encode("idna")
    changes: dict[Any, dict[str, Any]] = {
        gc: {
            "mem_free": lambda: _HEAP_FREE,
            "mem_alloc": lambda: _HEAP_FREE,
            "threshold": _nothing,
            "collect": _nothing,
        },
        sys: {"print_exception": _print_exception},
        os: {"dupterm": _nothing},
    }
    for module, values in changes.items():
        for name, value in values.items():
            setattr(module, name, value)
    # Ours first, by CPython's own rules; then nobody finds `time` but in the stand-ins.
    sys.path.insert(0, str(_HERE))
    for name in ("utime", "usocket", "uselect", "micropython"):
        __import__(name)
    sys.path.remove(str(_HERE))
    for name in _THEIRS:
        del sys.modules[name]
    sys.path_hooks.insert(0, _hook(folders))
    sys.path_importer_cache.clear()
    sys.meta_path.insert(0, _Finder(folders))


def main(arguments: Sequence[str]) -> None:
    """Run what the arguments name."""
    folders = [p for p in os.environ.get("MICROPYPATH", "").split(":") if p.startswith("/")]
    prepare(folders)
    what, text = arguments
    try:
        if what == "-m":
            __import__(text)
        else:
            exec(text, {"__name__": "__main__"})  # noqa: S102  # typed at the device's prompt
    except Exception as error:  # noqa: BLE001  # shown as a device shows it
        _print_exception(error)
        sys.exit(1)
    finally:
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
