"""How long a hub's start is waited for: as long as it gets on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from host.twin import hubchild
from host.twin.errors import TwinError
from host.twin.hubchild import HubChild
from host.twin.progress import Progress, processor_ticks


def stat(folder, pid: int, *, own=(0, 0, 0, 0), children="") -> None:
    """As proc(5) has it: 10 fields between the name and utime."""
    (folder / str(pid) / "task" / str(pid)).mkdir(parents=True, exist_ok=True)
    numbers = " ".join(map(str, own))
    text = f"{pid} (a) (b c) S 1 2 3 4 5 6 7 8 9 10 {numbers} 20 0 1"
    (folder / str(pid) / "stat").write_text(text)
    (folder / str(pid) / "task" / str(pid) / "children").write_text(children)


def test_what_all_below_it_have_taken(tmp_path):
    stat(tmp_path, 7, own=(1, 2, 3, 4), children="8 9 ")
    stat(tmp_path, 8, own=(10, 20, 30, 40), children="11")
    stat(tmp_path, 11, own=(100, 0, 0, 0))
    # 9 has ended meanwhile.
    assert processor_ticks(7, tmp_path) == 10 + 100 + 100
    assert processor_ticks(5, tmp_path) == 0
    with subprocess.Popen([sys.executable, "-c", "sum(range(10**7)); input()"],
                          stdin=subprocess.PIPE) as busy:  # fmt: skip
        while processor_ticks(busy.pid) < 2:
            pass


def test_it_stands_still_when_it_neither_works_nor_speaks(tmp_path):
    log, now = tmp_path / "log", [100.0]
    stat(tmp_path, 7)
    log.write_text("")
    progress = Progress(7, log, proc=tmp_path, clock=lambda: now[0])
    now[0] = 130
    assert progress.still_s() == 30
    stat(tmp_path, 7, own=(0, 1, 0, 0))  # it works
    assert progress.still_s() == 0
    now[0] = 170
    assert progress.still_s() == 40
    log.write_text("one\nmaking a new database\n\n")  # it speaks
    assert progress.still_s() == 0
    assert progress.last_line() == "making a new database"
    # Where nothing tells of processes its words count.
    alone = Progress(7, log, proc=tmp_path / "none", clock=lambda: now[0])
    now[0] = 180
    assert (alone.still_s(), alone.running_s) == (0, 10)
    now[0] = 190
    assert alone.still_s() == 10


@pytest.mark.asyncio
async def test_a_start_that_takes_long_is_told_and_one_that_hangs_is_given_up(
    tmp_path, monkeypatch
):
    class Standing:
        running_s, times = 0.0, 0

        def still_s(self) -> float:
            self.running_s += 9
            self.times += 1
            return 0.0 if self.times < 6 else 61.0

        def last_line(self) -> str:
            return "making a new database"

    told: list[str] = []
    child = HubChild(tmp_path / "hub", told.append)
    monkeypatch.setattr(child, "_is_up", lambda: False)
    monkeypatch.setattr(hubchild, "_POLL_S", 0)
    with pytest.raises(TwinError) as caught:
        await child._until_up(Standing())
    assert told == [
        f"the hub is still starting, for {seconds} s: making a new database"
        for seconds in (18, 27, 45)
    ]
    assert str(caught.value).startswith("the hub has not got on for 60 s at its start")
    assert str(caught.value).endswith("hub.log): making a new database")
