"""A day of each part in half hours, over restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hub.runtime.part_history import PartHistory
from hub.runtime.supervisor import Supervisor


class Watched:
    """A database that is away when it is told to, and a clock that is set."""

    def __init__(self, folder) -> None:
        self.now = datetime(2026, 3, 29, 0, 10, tzinfo=UTC)
        self.well = True
        self._folder = folder

    async def look(self):
        return {"Database": self.well}

    def history(self) -> PartHistory:
        return PartHistory(self.look, self._folder / "parts.json", Supervisor(), lambda: self.now)


async def test_a_half_hour_is_bad_where_it_was_once_away_and_empty_where_nobody_looked(tmp_path):
    watched = Watched(tmp_path)
    history = watched.history()
    assert history.states("Database") == [""] * 48
    for well in (True, False, True):
        watched.well = well
        await history.look()
        watched.now += timedelta(minutes=1)
    assert history.states("Database") == [""] * 47 + ["bad"]
    watched.now += timedelta(hours=1)
    await history.look()
    assert history.states("Database")[-3:] == ["bad", "", "ok"]


async def test_it_is_kept_over_a_restart_and_forgotten_after_a_day(tmp_path):
    watched = Watched(tmp_path)
    await watched.history().look()
    watched.now += timedelta(minutes=30)
    again = watched.history()
    await again.start()
    await again.stop()
    assert again.states("Database")[-2:] == ["ok", ""]
    watched.now += timedelta(hours=24)
    await again.look()
    assert again.states("Database") == [""] * 47 + ["ok"]
    kept = (tmp_path / "parts.json").read_text()
    assert kept.count("true") == 1


async def test_a_damaged_file_is_begun_anew(tmp_path):
    (tmp_path / "parts.json").write_text("[1, 2")
    history = Watched(tmp_path).history()
    await history.start()
    await history.stop()
    assert set(history.states("Database")) == {""}
