"""Backups that are killed half-way: nothing half-written, nothing gone before a newer one is there.

`BACKUP_KILLS` says how often.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from hub.backups.encryption import AgeKey
from hub.backups.model import BackupName
from hub.database.backup_file import BackupReader
from hub.database.postgres import Postgres
from tests.support.hub import ROOT
from tests.support.seeds import seed

KILLS = int(os.environ.get("BACKUP_KILLS", "2"))
# Acts on files of two backups and more.
ACTS = 90


def whole(folder: Path, key: AgeKey, signed: bytes, scratch: Path) -> set[int]:
    """The numbers of the backups there, each of which opens and is whole."""
    numbers = set()
    for path in folder.glob("dormouse-*"):
        name = BackupName.parse(path.name)
        assert name is not None, path
        key.decrypt(path, scratch)
        with BackupReader(scratch, signed) as reader:
            reader.check()
        numbers.add(name.number)
    return numbers


@pytest.mark.asyncio(loop_scope="module")
async def test_killed_at_any_point(data, service, tmp_path):
    chance = random.Random(seed())
    own, target = tmp_path / "data", tmp_path / "target"
    target.mkdir()
    key = AgeKey(own / "secrets" / "backup.age")
    signed = Postgres(data / "postgres").backup_key
    before: set[int] = set()
    for _ in range(KILLS):
        act = chance.randrange(1, ACTS)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.hub.backups.killed",
            str(data / "postgres"), str(own), str(target), str(act),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, errors = await process.communicate()
        assert process.returncode == -signal.SIGKILL, errors.decode()
        told = [line.split() for line in said.decode().splitlines()]
        assert {what for what, *_ in told} <= {"made"}, told
        there = whole(target, key, signed, tmp_path / "plain")
        # What was told to be made, and what was there, is there unless two newer ones are.
        for number in before | {BackupName.parse(name).number for _, name, *_ in told}:
            newer = {one for one in there if one > number}
            assert number in there or len(newer) >= 2, (act, number, there)
        before = there
    # The next one comes, and what was left half done goes with it.
    made = service(tried="", backup_to=str(target), backup_encrypt="true")
    await made.start()
    assert (await made.make()).what == "made"
    await made.stop()
    assert not [*target.glob(".*.partial"), *(own / "backups").glob(".*")]
    assert whole(target, key, signed, tmp_path / "plain") > before
