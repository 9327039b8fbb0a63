"""When a backup is due and which ones may go."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.backups.model import BackupName, BackupState, BackupTrouble, DrillResult, GoodBackup
from hub.backups.plan import drill_due, next_due, superfluous

BERLIN = ZoneInfo("Europe/Berlin")


def made(number: int, at: datetime, hub: str = "0badcafe") -> BackupName:
    return BackupName(hub, number, at)


def left(names: list[BackupName], daily: int = 7, weekly: int = 4, **more) -> list[BackupName]:
    gone = superfluous(
        names,
        max(names, key=lambda one: one.number),
        daily=daily,
        weekly=weekly,
        **{"zone": UTC, **more},
    )
    return [one for one in names if one not in gone]


def daily(first: datetime, days: int) -> list[BackupName]:
    return [made(n + 1, first + timedelta(days=n)) for n in range(days)]


def test_seven_days_and_four_weeks_stay():
    # 2026-03-01 is a Sunday.
    names = daily(datetime(2026, 1, 1, 3, tzinfo=UTC), 60)
    assert [one.at.date() for one in left(names)] == [
        date(2026, 2, 8),  # Sundays: a week's newest
        date(2026, 2, 15),
        date(2026, 2, 22),
        *(date(2026, 2, 23) + timedelta(days=n) for n in range(7)),
    ]


def test_nothing_goes_because_time_passes():
    # A target that was away for 40 days: what it has stays until newer ones came.
    names = [
        *daily(datetime(2026, 1, 1, 3, tzinfo=UTC), 7),
        made(48, datetime(2026, 2, 17, tzinfo=UTC)),
    ]
    assert [one.number for one in left(names, weekly=0)] == [2, 3, 4, 5, 6, 7, 48]


@pytest.mark.parametrize(
    "wrong", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)]
)
def test_a_clock_that_was_wrong_costs_no_newer_one(wrong: datetime):
    names = daily(datetime(2026, 1, 1, 3, tzinfo=UTC), 7)
    names += [made(8 + n, wrong + timedelta(days=n)) for n in range(3)]
    assert max(left(names), key=lambda one: one.number).number == 10
    # Back in the right time those of before count by their numbers.
    names += [made(11 + n, datetime(2026, 1, 11 + n, 3, tzinfo=UTC)) for n in range(7)]
    assert [one.number for one in left(names, weekly=0)] == [*range(11, 18)]


def test_several_of_a_day_are_one_and_those_of_other_hubs_are_theirs():
    at = datetime(2026, 3, 1, 3, tzinfo=UTC)
    names = [made(n, at + timedelta(hours=n)) for n in range(1, 5)]
    other = made(1, at - timedelta(days=900), "00000000")
    assert left([*names, other]) == [names[-1], other]


def test_the_one_that_was_tried_stays_and_so_does_what_came_after():
    names = daily(datetime(2026, 1, 1, 3, tzinfo=UTC), 30)
    assert names[2] in left(names, keep=[str(names[2])])
    gone = superfluous(names, names[10], daily=1, weekly=0, zone=UTC)
    assert gone == names[:10]


def test_days_are_those_of_the_machine():
    # 01:00 in Berlin, over the change to summer time: 00:00Z, then 23:00Z of the day before.
    nights = [datetime(2026, 3, day, 1, tzinfo=BERLIN).astimezone(UTC) for day in range(26, 32)]
    names = [made(n + 1, at) for n, at in enumerate(nights)]
    assert left(names, daily=6, weekly=0, zone=BERLIN) == names


def due(last: datetime, now: datetime, hour: int = 3, zone=BERLIN) -> datetime:
    return next_due(last, now, hour, zone).astimezone(UTC)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "now", "hour", "expected"),
    [
        # 03:00 CET is 02:00Z.
        (utc(2026, 1, 10, 2, 0, 5), utc(2026, 1, 10, 9), 3, utc(2026, 1, 11, 2)),
        # Made by hand in the evening: the next is that of the night all the same.
        (utc(2026, 1, 10, 20), utc(2026, 1, 10, 21), 3, utc(2026, 1, 11, 2)),
        # Missed: now.
        (utc(2026, 1, 10, 2), utc(2026, 1, 14, 7), 3, utc(2026, 1, 14, 7)),
        # Skipped by the clocks (02:00 to 03:00 CET on 2026-03-29): 01:00Z.
        (utc(2026, 3, 28, 1), utc(2026, 3, 28, 12), 2, utc(2026, 3, 29, 1)),
        # Twice (on 2026-10-25 02:00 is 00:00Z and 01:00Z): the first, then not again.
        (utc(2026, 10, 24, 0), utc(2026, 10, 24, 12), 2, utc(2026, 10, 25, 0)),
        (utc(2026, 10, 25, 0, 0, 5), utc(2026, 10, 25, 1, 30), 2, utc(2026, 10, 26, 1)),
        # Dated by a clock that was ahead: now, not in 2099.
        (utc(2099, 1, 1), utc(2026, 1, 14, 7), 3, utc(2026, 1, 14, 7)),
    ],
)
def test_it_is_due_once_a_day(last, now, hour, expected):
    assert due(last, now, hour) == expected


@pytest.mark.parametrize(
    "name", ["Asia/Kathmandu", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"]
)
@pytest.mark.parametrize("hour", [0, 2, 3, 23])
def test_each_day_of_a_year_has_one_wherever(name: str, hour: int):
    zone = ZoneInfo(name)
    at, days = datetime(2026, 1, 1, hour, tzinfo=zone).astimezone(UTC), []
    for _ in range(400):
        at = due(at, at, hour, zone)
        days.append(at.astimezone(zone).date())
    assert days == [date(2026, 1, 2) + timedelta(days=n) for n in range(400)]


def test_the_first_is_due_at_once():
    now = utc(2026, 1, 1)
    assert next_due(None, now, 3, BERLIN) == now


def test_drills_are_weekly_and_again_after_a_failure():
    at = utc(2026, 1, 1, 2, 0, 40)
    assert drill_due(None, at, passed=False)
    assert not drill_due(at, at + timedelta(days=6), passed=True)
    assert drill_due(at, utc(2026, 1, 8, 2, 0, 1), passed=True)
    assert drill_due(at, at + timedelta(days=1), passed=False)
    assert drill_due(at, at - timedelta(days=400), passed=True)


def test_names_say_whose_which_and_when():
    name = BackupName("0badcafe", 7, utc(2026, 3, 1, 2, 0, 5), encrypted=True)
    assert str(name) == "dormouse-0badcafe-000007-20260301T020005Z.backup.age"
    assert BackupName.parse(str(name)) == name
    for other in ("dormouse-0badcafe-000007-20261301T020005Z.backup", f".{name}.partial", "x"):
        assert BackupName.parse(other) is None


def test_trouble_is_told_from_what_is_remembered():
    at = utc(2026, 1, 10)
    good = GoodBackup(name="x", at=at, size=1, rows=1)
    state = BackupState(since=at)
    assert state.trouble(at + timedelta(days=3)) is None
    assert state.trouble(at + timedelta(days=4)) is BackupTrouble.LATE
    state = BackupState(since=at, last_good=good.model_copy(update={"at": at + timedelta(days=9)}))
    assert state.trouble(at + timedelta(days=10)) is None
    failed = DrillResult(name="x", at=at, passed=False, reason="no room")
    state = state.model_copy(update={"drill": failed})
    assert state.trouble(at + timedelta(days=10)) is BackupTrouble.DRILL_FAILED
