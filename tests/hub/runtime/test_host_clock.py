"""A machine's clock that is wrong at its start and is set later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.reading import ClockReference
from hub.runtime.host_clock import HostClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = 3600.0, 86400.0


class Machine:
    """The clocks of a machine: `wrong` is what its wall clock is off by, in seconds."""

    began = NOON.timestamp()

    def __init__(self, wrong: float = 0) -> None:
        self.wrong = wrong
        self.up = 20.0
        self.id = "first"
        self.synchronised = False

    def passes(self, seconds: float) -> None:
        self.up += seconds

    def clock(self, file=None) -> HostClock:
        return HostClock(
            file,
            wall=lambda: self.began + self.up + self.wrong,
            boot=lambda: self.up,
            boot_id=lambda: self.id,
            synchronised=lambda: self.synchronised,
        )


@pytest.mark.parametrize("wrong", [-50 * 365 * DAY, -3 * HOUR, -2.5, 2.5, 2 * DAY])
def test_what_a_wrong_clock_dated_is_corrected_by_the_step(wrong):
    machine = Machine(wrong)
    clock = machine.clock()
    steps = []
    clock.on_step(steps.append)
    machine.passes(600)
    dated, reference = clock.now(), clock.reference
    machine.passes(5)
    machine.wrong = 0
    assert clock.now() == NOON + timedelta(seconds=machine.up)
    assert dated + clock.correction(reference) == NOON + timedelta(seconds=machine.up - 5)
    assert [round(step.by, 3) for step in steps] == [-wrong]
    assert clock.correction(clock.reference) == timedelta(0)


def test_time_servers_that_slew_make_no_step():
    machine = Machine()
    clock = machine.clock()
    for _ in range(3600):  # 0.2 ms a second
        machine.passes(1)
        machine.wrong += 0.0002
        clock.check()
    assert not clock.steps


def test_a_look_that_the_scheduler_broke_up_is_repeated():
    """Between the two clocks lay 3 s, once: that is no step."""
    machine = Machine()
    calls = iter(range(1000))
    clock = machine.clock()

    def boot() -> float:
        if next(calls) == 1:
            machine.passes(3)
        return machine.up

    clock._boot = boot
    clock.check()
    assert not clock.steps


def test_a_step_while_no_hub_ran_is_seen_at_the_next_start(tmp_path):
    machine = Machine(-3 * HOUR)
    file = tmp_path / "clock.json"
    clock = machine.clock(file)
    dated, reference = clock.now(), clock.reference
    clock.save()
    assert file.stat().st_mode & 0o777 == 0o600
    machine.passes(100)
    machine.wrong = 0
    again = machine.clock(file)
    again.check()
    assert dated + again.correction(reference) == NOON + timedelta(seconds=20)


def test_another_start_of_the_machine_corrects_nothing(tmp_path):
    machine = Machine()
    file = tmp_path / "clock.json"
    first = machine.clock(file)
    first.save()
    reference = first.reference
    machine.id, machine.up, machine.wrong = "second", 5.0, -2 * HOUR
    clock = machine.clock(file)
    assert clock.former_boot == "first"
    assert clock.behind_s == pytest.approx(2 * HOUR + 15)
    assert clock.correction(reference) == timedelta(0)
    assert clock.correction(ClockReference("second", clock.reference.offset)) == timedelta(0)
    machine.wrong = 0
    clock.check()
    assert clock.behind_s == pytest.approx(15)


def test_a_mark_from_a_wrong_clock_does_not_lower_the_known_time(tmp_path):
    """Twice started in the past: how far behind it is stays known."""
    machine = Machine()
    file = tmp_path / "clock.json"
    machine.clock(file).save()
    for start in ("second", "third"):
        machine.id, machine.wrong = start, -5 * HOUR
        clock = machine.clock(file)
        assert clock.behind_s == pytest.approx(5 * HOUR)
        clock.save()


def test_when_it_counts_as_right():
    machine = Machine()
    clock = machine.clock()
    assert not clock.settled
    machine.passes(2 * HOUR)
    assert not clock.settled  # nobody vouches for it
    machine.synchronised = True
    assert clock.settled
    machine.wrong = 60
    clock.check()
    assert not clock.settled  # it was set just now
    machine.synchronised = False
    machine.passes(2 * DAY)
    assert not clock.settled  # a line to the internet takes longer to mend
    assert not clock.doubtful
    machine.passes(6 * DAY)
    assert clock.settled


@pytest.mark.parametrize("wrong", [-50 * 365 * DAY, -3 * HOUR])
def test_a_clock_that_is_known_to_be_wrong_is_never_right_by_waiting(tmp_path, wrong):
    machine = Machine()
    file = tmp_path / "clock.json"
    machine.clock(file).save()
    machine.id, machine.wrong = "second", wrong
    clock = machine.clock(file)
    machine.passes(30 * DAY)
    assert clock.doubtful
    assert not clock.settled
    dated, reference = clock.now(), clock.reference
    machine.wrong = 0
    assert clock.now() - dated == clock.correction(reference)
    machine.synchronised = True
    assert not clock.doubtful
    machine.passes(2 * HOUR)
    assert clock.settled


def test_a_clock_that_was_ahead_is_not_behind_when_it_is_set_back():
    machine = Machine(10 * 365 * DAY)
    clock = machine.clock()
    assert clock.doubtful
    machine.wrong = 0
    clock.check()
    assert clock.behind_s == 0


@pytest.mark.parametrize(
    ("first", "second", "away", "goes_on"),
    [
        (-3 * HOUR, -3 * HOUR - 50, 60, True),  # with what was written down at its end
        (-3 * HOUR, -4 * HOUR, 60, True),  # with what was written down an hour before
        (-50 * 365 * DAY, -50 * 365 * DAY - 2000, 60, True),  # at the same time again
        (0, 0, 5 * DAY, False),  # a clock that runs on by itself
        (0, -400 * DAY, 60, False),  # one that ran by itself, whose battery is empty
    ],
)
def test_a_machine_that_starts_again_goes_on_with_the_time_of_before(
    tmp_path, first, second, away, goes_on
):
    machine = Machine(first)
    file = tmp_path / "clock.json"
    clock = machine.clock(file)
    machine.passes(1000)
    clock.save()
    last = clock.now()
    machine.id, machine.wrong = "second", second
    machine.passes(away)
    again = machine.clock(file)
    assert (again.continues is not None) is goes_on
    if again.continues is not None:
        # The former start's last moment is this one's first, by the clock as it is set later.
        offset = clock.reference.offset + again.continues
        machine.wrong = 0
        again.check()
        moved = last + again.correction(ClockReference("second", offset))
        assert abs((again.now() - moved).total_seconds()) < 0.01


DAMAGED = ["", "{", "[]", '{"boot": 1}', '{"wall": "x", "since": 1}', "\0", "[" * 100_000,
           '{"boot": "a", "wall": 1, "since": 1e999, "offset": 1, "steps": []}',
           '{"boot": "a", "wall": NaN, "since": 1, "offset": 1, "steps": []}']  # fmt: skip


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_made_anew(tmp_path, text, caplog):
    file = tmp_path / "clock.json"
    file.write_text(text)
    clock = Machine().clock(file)
    assert "is damaged" in caplog.text
    clock.save()
    assert Machine().clock(file).former_boot is None
