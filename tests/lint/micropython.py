"""What the ESP8266's MicroPython lacks and the type stubs do not catch.

`python -m tests.lint.micropython firmware` prints file:line: what, why; exit status 1 if any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

METHODS = {
    "partition": "use find() and a slice",
    "rpartition": "use rfind() and a slice",
    "splitlines": "use split()",
    "casefold": "use lower()",
    "removeprefix": "use startswith() and a slice",
    "removesuffix": "use endswith() and a slice",
    "zfill": "use a format",
    "ljust": "use a format",
    "rjust": "use a format",
    "isnumeric": "use isdigit()",
    "isidentifier": "check by hand",
    "translate": "use replace()",
    "as_integer_ratio": "there is none",
    "bit_length": "shift and count",
}
"""Methods of str, bytes and int."""

ATTRIBUTES = {
    ("binascii", "crc32"): "use a digest",
    ("hashlib", "md5"): "there is sha256",
    ("hashlib", "sha1"): "there is sha256",
    ("hashlib", "new"): "there is sha256",
    ("random", "randint"): "use getrandbits() or os.urandom()",
    ("random", "randrange"): "use getrandbits() or os.urandom()",
    ("random", "choice"): "use getrandbits() or os.urandom()",
    ("random", "random"): "use getrandbits() or os.urandom()",
    ("random", "uniform"): "use getrandbits() or os.urandom()",
    ("time", "monotonic"): "use ticks_ms() and ticks_diff()",
    ("time", "perf_counter"): "use ticks_us() and ticks_diff()",
    ("time", "strftime"): "format localtime() by hand",
    ("machine", "wake_reason"): "use reset_cause()",
    ("machine", "lightsleep"): "the ESP8266 does not wake from it by time",
    ("os", "path"): "use os.stat()",
    ("os", "makedirs"): "use os.mkdir()",
    ("os", "environ"): "a device has no environment",
    ("os", "getenv"): "a device has no environment",
    ("os", "replace"): "os.rename() replaces",
    ("sys", "exc_info"): "use sys.print_exception()",
    ("sys", "getsizeof"): "use gc.mem_alloc()",
}
"""What modules lack, or have on MicroPython's unix port only."""

MODULES = {
    "cryptolib": "the firmware is built without TLS",
    "ssl": "the firmware is built without TLS",
    "tls": "the firmware is built without TLS",
    "dataclasses": "write __init__",
    "datetime": "use time",
    "enum": "use constants",
    "functools": "write a function",
    "itertools": "write a generator",
    "logging": "print",
    "pathlib": "use strings",
    "shutil": "use os",
    "subprocess": "there are no processes",
    "threading": "there are no threads",
    "_thread": "there are no threads",
    "traceback": "use sys.print_exception()",
    "typing": "annotations need no import here",
    "__future__": "annotations are not evaluated",
    "uuid": "use os.urandom()",
    "zlib": "use deflate",
    "umqtt": "dormouse.mqtt_session is the client",
}

SYNTAX: dict[type[ast.AST], str] = {
    ast.Match: "match is not compiled",
    ast.TryStar: "except* is not compiled",
}

LONGEST_SLEEP = 4_294_967
"""machine.deepsleep() wraps over this many ms."""


class Finding(NamedTuple):
    """Something at a line that the device would stumble over."""

    line: int
    what: str
    why: str


def findings(source: str) -> list[Finding]:
    """All findings in a module's source, by line."""
    return sorted(set(_walk(ast.parse(source))))


def _walk(tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if type(node) in SYNTAX:
            yield Finding(line, type(node).__name__, SYNTAX[type(node)])
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module(line, alias.name)
        elif isinstance(node, ast.ImportFrom):
            yield from _from(line, node)
        elif isinstance(node, ast.Attribute):
            yield from _attribute(line, node)
        elif isinstance(node, ast.Call):
            yield from _call(line, node)


def _module(line: int, name: str) -> Iterator[Finding]:
    top, _, rest = name.partition(".")
    why = MODULES.get(top) or ATTRIBUTES.get((top, rest))
    if why:
        yield Finding(line, f"import {name}", why)


def _from(line: int, node: ast.ImportFrom) -> Iterator[Finding]:
    module = node.module or ""
    yield from _module(line, module)
    for alias in node.names:
        why = ATTRIBUTES.get((module, alias.name))
        if why:
            yield Finding(line, f"{module}.{alias.name}", why)


def _attribute(line: int, node: ast.Attribute) -> Iterator[Finding]:
    if isinstance(node.value, ast.Name):
        why = ATTRIBUTES.get((node.value.id, node.attr))
        if why:
            yield Finding(line, f"{node.value.id}.{node.attr}", why)


def _call(line: int, node: ast.Call) -> Iterator[Finding]:
    if not isinstance(node.func, ast.Attribute):
        return
    name = node.func.attr
    if name in METHODS:
        yield Finding(line, f".{name}()", METHODS[name])
    first = node.args[0] if node.args else None
    if (
        name == "deepsleep"
        and ast.unparse(node.func.value) == "machine"
        and (first is None or _number(first) > LONGEST_SLEEP)
    ):
        yield Finding(line, "machine.deepsleep()", "sleeps for ever, or wraps to a short sleep")
    if name == "setblocking" and isinstance(first, ast.Constant) and first.value:
        yield Finding(line, ".setblocking(True)", "clears the time-out on lwIP")


def _number(node: ast.expr) -> float:
    try:
        value = eval(compile(ast.Expression(node), "", "eval"), {"__builtins__": {}})
    except (ArithmeticError, AttributeError, NameError, TypeError, ValueError):
        return 0
    return value if isinstance(value, int | float) else 0


def main() -> int:
    """Check every module below the given folders."""
    count = 0
    for folder in sys.argv[1:]:
        for path in sorted(Path(folder).rglob("*.py")):
            for line, what, why in findings(path.read_text(encoding="utf-8")):
                print(f"{path}:{line}: {what}: {why}")
                count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
