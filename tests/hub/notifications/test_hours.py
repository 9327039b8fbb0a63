"""Quiet hours and digests on a place's clock, where it is changed too."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from hub.notifications.hours import DayHours, Hours

BERLIN, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
NIGHT = Hours(time(22), time(7))


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "zone", "now", "due"),
    [
        (Hours(), BERLIN, "2026-01-10 23:00", "2026-01-10 23:00"),
        # 22:00 to 07:00 in winter is 21:00 to 06:00 UTC; the end is not quiet any more.
        (NIGHT, BERLIN, "2026-01-10 20:59", "2026-01-10 20:59"),
        (NIGHT, BERLIN, "2026-01-10 21:00", "2026-01-11 06:00"),
        (NIGHT, BERLIN, "2026-01-11 05:59", "2026-01-11 06:00"),
        (NIGHT, BERLIN, "2026-01-11 06:00", "2026-01-11 06:00"),
        (NIGHT, KATHMANDU, "2026-01-10 16:15", "2026-01-11 01:15"),
        # The night of 29 March is an hour shorter, that of 25 October an hour longer.
        (NIGHT, BERLIN, "2026-03-28 21:00", "2026-03-29 05:00"),
        (NIGHT, BERLIN, "2026-10-24 20:00", "2026-10-25 06:00"),
        # 02:30 comes twice then, and it is quiet until the second.
        (Hours(time(23), time(2, 30)), BERLIN, "2026-10-25 00:45", "2026-10-25 01:30"),
        # 02:30 does not come then: as long after the skip.
        (Hours(time(23), time(2, 30)), BERLIN, "2026-03-29 00:59", "2026-03-29 01:30"),
        (Hours(time(12), time(12)), BERLIN, "2026-01-10 11:30", "2026-01-10 11:30"),
        # Saturday to Sunday, then the night to Monday.
        (Hours(time(22), time(7), weekends=True), BERLIN, "2026-01-10 12:00", "2026-01-12 06:00"),
        (Hours(weekends=True), BERLIN, "2026-01-09 22:59", "2026-01-09 22:59"),
        (Hours(weekends=True), BERLIN, "2026-01-09 23:00", "2026-01-11 23:00"),
        (Hours(digest_at=time(7, 30)), BERLIN, "2026-01-10 06:30", "2026-01-10 06:30"),
        (Hours(digest_at=time(7, 30)), BERLIN, "2026-01-10 06:31", "2026-01-11 06:30"),
        (Hours(digest_at=time(7, 30)), BERLIN, "2026-03-28 12:00", "2026-03-29 05:30"),
        # A digest in the quiet hours comes when these are over.
        (Hours(time(22), time(7), digest_at=time(6)), BERLIN, "2026-01-10 12:00",
         "2026-01-11 06:00"),
    ],
)  # fmt: skip
def test_when_it_is_told(hours, zone, now, due):
    assert hours.due(utc(now), zone) == utc(due)
    assert hours.due(utc(now), zone, urgent=True) == utc(now)
    assert not hours.quiet(utc(due), zone)


@pytest.mark.parametrize(
    ("since", "until", "zone", "start", "end", "touches"),
    [
        # 22:00 to 06:00 in winter is 21:00 to 05:00 UTC: the first counts, the last does not.
        (22, 6, BERLIN, "2026-01-10 21:00", "2026-01-10 21:00", True),
        (22, 6, BERLIN, "2026-01-10 20:59", "2026-01-10 20:59", False),
        (22, 6, BERLIN, "2026-01-11 04:59", "2026-01-11 04:59", True),
        (22, 6, BERLIN, "2026-01-11 05:00", "2026-01-11 05:00", False),
        # What lasts from before to after them touches them; what ends as they begin does not.
        (22, 6, BERLIN, "2026-01-10 12:00", "2026-01-11 12:00", True),
        (22, 6, BERLIN, "2026-01-10 12:00", "2026-01-10 21:00", False),
        (8, 16, BERLIN, "2026-01-10 15:00", "2026-01-11 06:59", False),
        (8, 16, KATHMANDU, "2026-01-10 02:15", "2026-01-10 02:15", True),
        # The night of 29 March ends at 04:00 UTC; 02:00 to 03:00 does not come then.
        (22, 6, BERLIN, "2026-03-29 03:59", "2026-03-29 03:59", True),
        (22, 6, BERLIN, "2026-03-29 04:00", "2026-03-29 04:00", False),
        (2, 3, BERLIN, "2026-03-29 00:00", "2026-03-29 03:00", False),
        # 02:00 to 03:00 comes twice on 25 October: 00:00 to 02:00 UTC.
        (2, 3, BERLIN, "2026-10-25 00:00", "2026-10-25 00:00", True),
        (2, 3, BERLIN, "2026-10-25 01:59", "2026-10-25 01:59", True),
        (2, 3, BERLIN, "2026-10-25 02:00", "2026-10-25 02:00", False),
    ],
)  # fmt: skip
def test_hours_of_a_rule(since, until, zone, start, end, touches):
    hours = DayHours(time(since), time(until))
    assert hours.touch(utc(start), utc(end), zone) == touches
