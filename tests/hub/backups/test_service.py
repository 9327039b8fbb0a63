"""Backups of a real database: made, taken elsewhere, tried, kept by the rule."""

from __future__ import annotations

import asyncio
import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from hub.backups.encryption import AgeKey
from hub.backups.errors import BackupBusyError
from hub.backups.model import BackupName, BackupTrouble
from hub.database.backup_file import BackupReader
from hub.database.errors import BackupError
from tests.hub.database.backups import changed, put_rows

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = timedelta(days=1)


def backups(folder: Path) -> list[str]:
    """All that lies in a folder besides marks, by number."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".dormouse"))


async def test_one_is_made_tried_and_told(service, clock, data, tmp_path):
    made = service()
    await made.start()
    assert (made.state.since, made.trouble, made.next_at) == (clock.at, None, clock.at)
    assert (await made.make()).what == "made"
    assert made.told == ["made", "drill-passed"]
    [name] = backups(tmp_path / "data" / "backups")
    good = made.state.last_good
    assert (good.name, good.at, made.state.drill.passed) == (name, clock.at, True)
    assert made.next_at > clock.at
    with BackupReader(tmp_path / "data" / "backups" / name, b"another", foreign=True) as reader:
        assert good.rows == sum(table.rows for table in reader.manifest.tables.values())
        files = reader.files()
    assert {*files} == {"authority/ca.crt", "authority/ca.key", "web/secret"}
    assert files["authority/ca.key"] == (data / "authority" / "ca.key").read_bytes()
    await made.stop()
    # After a restart it is known; no second drill within the week.
    clock.at += DAY
    again = service()
    await again.start()
    assert again.state == made.state
    await again.make()
    assert again.told == ["made"]
    assert [there.number for there in (await again.seen())[0]] == [2, 1]
    await again.stop()


async def test_older_ones_go_when_a_newer_is_there(service, clock, tmp_path):
    made, folder = (
        service(tried="", backup_daily="2", backup_weekly="0"),
        tmp_path / "data" / "backups",
    )
    for _ in range(4):
        await made.make()
        clock.at += DAY
    assert [BackupName.parse(name).number for name in backups(folder)] == [3, 4]
    clock.doubtful = True
    await made.make()
    assert len(backups(folder)) == 3
    # The clock was ahead; it is set back by years: nothing newer goes for it.
    clock.doubtful, clock.at = False, clock.at - 900 * DAY
    await made.make()
    assert [BackupName.parse(name).number for name in backups(folder)] == [5, 6]
    assert made.state.last_good.at == clock.at


async def test_a_lost_record_begins_no_number_again(service, clock, tmp_path):
    await service(tried="").make()
    (tmp_path / "data" / "backups.json").write_text("{")
    clock.at += DAY
    again = service(tried="")
    await again.make()
    numbers = [BackupName.parse(name).number for name in backups(tmp_path / "data" / "backups")]
    assert numbers == [1, 2]


async def test_a_disk_that_is_not_mounted(service, clock, tmp_path):
    disk = tmp_path / "disk"
    made = service(backup_to=str(disk), backup_daily="3", backup_weekly="0")
    outcome = await made.make()
    assert (outcome.what, made.trouble) == ("failed", BackupTrouble.FAILED)
    assert "there is no such folder" in made.state.failure.reason
    disk.mkdir()
    clock.at += DAY
    assert (await made.make()).what == "made"
    assert made.trouble is None
    assert len(backups(disk)) == 2
    # Away for days: what lies below the mount is not written to.
    disk.rename(tmp_path / "unplugged")
    disk.mkdir()
    for n in range(5):
        clock.at += DAY
        assert (await made.make()).what == "failed"
        assert made.state.failure.times == n + 1
    assert "not mounted" in made.state.failure.reason
    assert [*disk.iterdir()] == []
    assert len(made.state.waiting) == 3
    disk.rmdir()
    (tmp_path / "unplugged").rename(disk)
    clock.at += DAY
    assert (await made.make()).what == "made"
    assert (made.state.failure, made.state.waiting) == (None, [])
    # The one that was tried, and the last three.
    assert [BackupName.parse(name).number for name in backups(disk)] == [2, 6, 7, 8]
    assert len(backups(tmp_path / "data" / "backups")) == 1


async def test_two_hubs_share_a_target(service, clock, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    other = BackupName("00000000", 1, clock.at - 900 * DAY)
    (disk / str(other)).write_bytes(b"theirs")
    made = service(tried="", backup_to=str(disk), backup_daily="1", backup_weekly="0")
    for _ in range(3):
        await made.make()
        clock.at += DAY
    assert (disk / str(other)).read_bytes() == b"theirs"
    assert len(backups(disk)) == 2


async def test_encrypted_ones_open_with_the_key_alone(service, clock, tmp_path):
    made = service(backup_encrypt="true")
    await made.make()
    assert made.told == ["made", "drill-passed"]
    # It tells what it read.
    assert made.state.drill.rows == made.state.last_good.rows > 0
    [name] = backups(tmp_path / "data" / "backups")
    sealed = tmp_path / "data" / "backups" / name
    assert sealed.suffix == ".age"
    key = tmp_path / "data" / "secrets" / "backup.age"
    assert key.stat().st_mode & 0o777 == 0o600
    # Others' age reads it, without us.
    opened = await asyncio.to_thread(
        subprocess.run, ["age", "-d", "-i", key, sealed], check=True, capture_output=True
    )
    plain = opened.stdout
    assert plain.startswith(b"PK")
    secret = key.read_text().splitlines()[-1].encode()
    assert secret not in plain
    # What was changed is no backup.
    content = bytearray(sealed.read_bytes())
    content[len(content) // 2] ^= 1
    sealed.write_bytes(content)
    assert (await made.drill()).what == "drill-failed"
    assert "was changed" in made.state.drill.reason
    assert made.trouble is BackupTrouble.DRILL_FAILED
    # A key of another's neither.
    other = AgeKey(tmp_path / "other")
    other.ensure()
    with pytest.raises(BackupError, match="does not open it"):
        other.decrypt(sealed, tmp_path / "plain")


async def test_a_drill_finds_what_was_changed(service, clock, tmp_path):
    made = service(tried="")
    await made.make()
    [name] = backups(tmp_path / "data" / "backups")
    changed(
        tmp_path / "data" / "backups" / name,
        lambda members: put_rows(members, "tenant", b"1\tother\n"),
    )
    assert (await made.drill()).what == "drill-failed"
    clock.at += DAY
    # And is tried again with the next.
    await made.make()
    assert made.told == ["made", "drill-failed", "made", "drill-passed"]


async def test_one_at_a_time(service):
    made = service()
    made.begin()
    with pytest.raises(BackupBusyError):
        made.begin_drill()
    await made.stop()
    assert made.state.last_good is None


async def test_a_folder_that_cannot_be_written_is_told_in_a_line(service, clock, tmp_path):
    (tmp_path / "data" / "backups").write_text("a file")
    made = service()
    assert (await made.make()).what == "failed"
    assert "\n" not in made.state.failure.reason
    assert str(tmp_path / "data" / "backups") in made.state.failure.reason


async def test_what_is_remembered_is_in_one_file(tmp_path, service):
    made = service()
    made._remember(made.state)
    assert json.loads((tmp_path / "data" / "backups.json").read_text())["number"] == 0


async def test_a_key_that_is_none(tmp_path):
    file = tmp_path / "key"
    file.write_text("age1something\n")
    with pytest.raises(BackupError, match="no age key in it"):
        AgeKey(file).text()
