"""What a bench says: one JSON object a line, on standard output and in build/bench.jsonl."""

from __future__ import annotations

import json
import operator
import sys
from pathlib import Path

_COMPARE = {"<=": operator.le, ">=": operator.ge, "==": operator.eq}
KEPT = Path("build/bench.jsonl")


def report(bench: str, value: float, unit: str, target: str | None = None) -> None:
    """Print and keep one figure.

    `bench` is "area.name"; `target` is "<= 20", ">= 5" or None where a figure is only reported
    (`met` is null then).
    """
    met = None
    if target is not None:
        sign, bound = target.split()
        met = _COMPARE[sign](value, float(bound))
    line = json.dumps(
        {"bench": bench, "value": round(value, 4), "unit": unit, "target": target, "met": met}
    )
    print(line, flush=True)
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.open("a", encoding="utf-8") as kept:
        kept.write(line + "\n")


def note(text: str) -> None:
    """Say on standard error what a bench is doing."""
    print(f"# {text}", file=sys.stderr, flush=True)
