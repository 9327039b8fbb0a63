"""Runs the Postgres that all processes of a run of tests share: `python -m tests.support._keeper`.

Its argument is the run's folder. It ends with the run, whichever way that ends, and removes it.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from tests.support.once import ALIVE, locked
from tests.support.postgres import Server, shared

READY = "postgres.ready"
LOCK = "postgres.keeper"


async def main(folder: Path) -> None:
    """Start it, make the template, wait for the run's end."""
    postgres = shared(folder)
    async with postgres:
        await Server(postgres).make_template()
        (folder / READY).touch()
        await asyncio.to_thread(_ended, folder)


def _ended(folder: Path) -> None:
    with locked(folder / ALIVE):
        return


if __name__ == "__main__":
    run = Path(sys.argv[1])
    with locked(run / LOCK):
        asyncio.run(main(run))
        shutil.rmtree(run, ignore_errors=True)
