"""Backups made one after the other by a process that is killed before its n-th act on files.

`python -m tests.hub.backups.killed POSTGRES DATA TARGET N`
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hub.backups.model import DrillResult
from hub.backups.service import BackupService
from hub.database.postgres import Postgres
from hub.settings import Settings

ACTS = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.chmod"})


class Clock:
    doubtful = False

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 3, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def killed_before(act: int, *folders: str) -> None:
    """Have this process end by SIGKILL at the act-th time that it does something in the folders."""
    number = itertools.count(1)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in ACTS and str(arguments[0]).startswith(folders) and next(number) == act:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


async def main(postgres: str, data: str, target: str, act: str) -> None:
    server, clock = Postgres(Path(postgres)), Clock()
    server.look_up()
    settings = Settings(
        data_dir=Path(data), backup_to=target, backup_daily=2, backup_weekly=0, backup_encrypt=True
    )
    service = BackupService(settings, server, clock)
    await service.start()
    clock.at += timedelta(days=service.state.number)
    # A drill takes a second, and is not what is tried here.
    drill = DrillResult(name="", at=clock.at, passed=True)
    service.state = service.state.model_copy(update={"drill": drill})
    killed_before(int(act), data, target)
    while True:
        clock.at += timedelta(days=1)
        outcome = await service.make()
        print(outcome.what, outcome.name, outcome.reason, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
