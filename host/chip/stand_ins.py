"""The stand-ins for sensors that virtual devices have (host/twin/shims), for an emulated chip.

They are modules of MicroPython's that import each other, a world and its time by bare names: here
they are loaded apart from this program's own modules, with a world and a clock that are the chip's.
"""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

from host.firmware import SHIMS
from host.twin.world import World

__all__ = ["ChipClock", "StandIns"]

_OURS = ("_chip", "_bus", "_onewire", "machine")  # how the names end that are looked for in SHIMS


@dataclass
class ChipClock:
    """The chip's time since it was made, sleep and all: two parts in microseconds."""

    began_us: int = 0
    run_us: int = 0

    @property
    def us(self) -> int:
        """Now."""
        return self.began_us + self.run_us

    def rest(self, us: int) -> None:
        """A run is over, and so long has passed until the next."""
        self.began_us += us
        self.run_us = 0


@dataclass
class StandIns:
    """Modules by name, as `stand_ins.module("dht22_chip")`; what they remember is in `kept`.

    `world` gives the world as it is now.
    """

    world: Callable[[], World]
    clock: ChipClock
    kept: dict[str, Any] = field(default_factory=dict)
    _modules: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._modules["utime"] = SimpleNamespace(
            ticks_ms=lambda: self.clock.us // 1000,
            ticks_add=lambda ticks, ms: ticks + ms,
            ticks_diff=lambda later, earlier: later - earlier,
            time_ns=lambda: self.clock.us * 1000,
        )
        self._modules["world"] = SimpleNamespace(
            get=self.get,
            measured=self.measured,
            chip_state=self.kept.get,
            keep_chip_state=self.kept.__setitem__,
        )

    def module(self, name: str) -> Any:
        """A stand-in's module."""
        if name not in self._modules:
            made = self._modules[name] = SimpleNamespace()
            made.__dict__["__name__"] = name
            made.__dict__["__builtins__"] = vars(builtins) | {"__import__": self._import}
            code = compile((SHIMS / f"{name}.py").read_text("utf-8"), f"{name}.py", "exec")
            exec(code, made.__dict__)  # noqa: S102  # our own modules, with names of their own
        return self._modules[name]

    def get(self, key: str, inner: str | None = None) -> Any:
        """A value of the world; its default where it has none."""
        default = _defaults()[key]
        value: Any = self.world().sections.get(key, default)
        return value if inner is None else value.get(inner, default.get(inner))

    def measured(self, part: str, quantity: str) -> float:
        """What a sensor measures now. Raises OSError if it does not answer."""
        if part in self.get("missing"):
            raise OSError(5)
        value = self.get("parts").get(part, {}).get(quantity)
        if value is None:
            value = self.get("values", quantity)
        if not isinstance(value, Mapping):
            return float(value)
        angle = (self.clock.us / 1e6 + value.get("phase_s", 0)) / value.get("period_s", 600)
        return float(value.get("base", 0) + value.get("swing", 1) * math.sin(2 * math.pi * angle))

    def _import(self, name: str, *rest: Any) -> Any:
        if name in self._modules or name.endswith(_OURS):
            return self.module(name)
        return __import__(name, *rest)


@cache
def _defaults() -> dict[str, Any]:
    """What a world has that says nothing: `_DEFAULTS` of the virtual devices' own module."""
    tree = ast.parse((SHIMS / "world.py").read_text("utf-8"))
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "_DEFAULTS":
            found: dict[str, Any] = ast.literal_eval(statement.value)
            return found
    raise LookupError("_DEFAULTS is not in host/twin/shims/world.py")
