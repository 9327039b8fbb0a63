"""A Postgres with a hub's database, one for all tests of a module, and services beside it."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from hub.backups.model import DrillResult
from hub.backups.service import BackupService
from hub.database.postgres import Postgres
from hub.settings import Settings
from tests.support import folders
from tests.support.postgres import FAST


class Clock:
    """What a test says that it is."""

    def __init__(self) -> None:
        self.at, self.doubtful = datetime(2026, 3, 2, 3, tzinfo=UTC), False

    def now(self) -> datetime:
        return self.at


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def data(empty_hub: Path) -> AsyncIterator[Path]:
    """The data folder of a hub that was started once, with its Postgres running."""
    with tempfile.TemporaryDirectory(prefix="dm", dir=folders.base()) as name:
        Path(name).chmod(0o711)
        folder = Path(name) / "data"
        await asyncio.to_thread(subprocess.run, ["cp", "-a", empty_hub, folder], check=True)
        async with Postgres(folder / "postgres", tuning=FAST):
            yield folder


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(data: Path, clock: Clock, tmp_path: Path) -> Callable[..., BackupService]:
    """Services by settings, over folders of this test's own, not started.

    `tried` names a backup that was restored today: a drill takes a second.
    """
    own = tmp_path / "data"
    own.mkdir()

    def make(*, tried: str | None = None, **settings: object) -> BackupService:
        postgres = Postgres(data / "postgres")
        postgres.look_up()
        made = BackupService(Settings(data_dir=own, **settings), postgres, clock, first_s=3600)
        if tried is not None:
            drill = DrillResult(name=tried, at=clock.at, passed=True)
            made.state = made.state.model_copy(update={"drill": drill})
        made.told = []
        made.on_outcome(lambda outcome: made.told.append(outcome.what))
        return made

    return make
