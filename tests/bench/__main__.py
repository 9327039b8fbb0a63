"""Run the benches: `python -m tests.bench [area]`.

A bench is a module `tests/bench/bench_<area>.py` with a function `run()` that calls
`report(...)`; it may be a coroutine function.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
from pathlib import Path

from tests.bench.report import note


def main() -> int:
    """Run one area or all; 2 for an unknown area, 1 when a bench failed to run."""
    areas = sorted(p.stem.removeprefix("bench_") for p in Path(__file__).parent.glob("bench_*.py"))
    wanted = sys.argv[1:] or areas
    unknown = [area for area in wanted if area not in areas]
    if unknown:
        print(f"bench: no area '{unknown[0]}'; there are {', '.join(areas)}", file=sys.stderr)
        return 2
    for area in wanted:
        note(f"bench {area}")
        run = importlib.import_module(f"tests.bench.bench_{area}").run
        if inspect.iscoroutinefunction(run):
            asyncio.run(run())
        else:
            run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
