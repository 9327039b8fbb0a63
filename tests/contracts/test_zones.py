"""Days, hours and typed times of zones: expected from the zones' own laws, in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from contracts.zones import (
    LocalTimeError,
    UnknownZoneError,
    day_edges,
    hour_edges,
    instant_of_local,
    offset_runs,
    zone_of,
    zoned,
)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "noon", "begins", "hours"),
    [
        ("Europe/Berlin", "2026-03-29T10:00", "2026-03-28T23:00", 23),
        ("Europe/Berlin", "2026-10-25T11:00", "2026-10-24T22:00", 25),
        ("Europe/Berlin", "2026-07-01T10:00", "2026-06-30T22:00", 24),
        ("Asia/Kathmandu", "2026-07-01T06:00", "2026-06-30T18:15", 24),
        ("Australia/Adelaide", "2026-04-05T03:00", "2026-04-04T13:30", 25),
        ("Australia/Adelaide", "2026-10-04T02:00", "2026-10-03T14:30", 23),
        ("Australia/Lord_Howe", "2026-04-05T02:00", "2026-04-04T13:00", 24.5),
        ("Australia/Lord_Howe", "2026-10-04T02:00", "2026-10-03T13:30", 23.5),
        ("Pacific/Chatham", "2026-04-04T23:00", "2026-04-04T10:15", 25),
        ("America/St_Johns", "2026-11-01T15:00", "2026-11-01T02:30", 25),
        # The clocks skip midnight itself: the day begins at one o'clock.
        ("Africa/Cairo", "2026-04-24T10:00", "2026-04-23T22:00", 23),
        # And go back over it: the evening before is an hour longer.
        ("America/Santiago", "2026-04-04T16:00", "2026-04-04T03:00", 25),
        ("America/Santiago", "2026-04-05T16:00", "2026-04-05T04:00", 24),
        # In the middle of the night all of it comes twice, and the date begins once.
        ("America/Havana", "2026-11-01T17:00", "2026-11-01T04:00", 25),
        # A date that a zone left out: 30 December 2011 was nobody's in Samoa.
        ("Pacific/Apia", "2011-12-29T22:00", "2011-12-29T10:00", 24),
    ],
)
def test_a_day_is_as_long_as_its_place_has_it(zone, noon, begins, hours):
    at = utc(noon)
    edges = day_edges(zone_of(zone), at, at + timedelta(minutes=1))
    assert edges == [utc(begins), utc(begins) + timedelta(hours=hours)]


@pytest.mark.parametrize(
    "zone",
    ["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "UTC",
     "America/Havana", "America/Santiago", "Africa/Casablanca", "America/St_Johns"],
)  # fmt: skip
def test_days_and_hours_tile_a_year_without_hole_or_overlap(zone):
    tz = zone_of(zone)
    since, until = utc("2026-01-01T00:00"), utc("2027-01-01T00:00")
    days, hours = day_edges(tz, since, until), hour_edges(tz, since, until)
    for edges in (days, hours):
        assert all(a < b for a, b in pairwise(edges))
        assert edges[0] <= since < edges[1]
        assert edges[-2] < until <= edges[-1]
    # Every instant of a day has its date, and every date its day.
    dates = [a.astimezone(tz).date() for a in days[:-1]]
    assert [b - a for a, b in pairwise(dates)] == [timedelta(days=1)] * (len(dates) - 1)
    for a, b in pairwise(days):
        assert (b - timedelta(seconds=1)).astimezone(tz).date() == a.astimezone(tz).date()
    # Midnights are the beginnings of hours, and an hour is of one offset.
    assert set(days[1:-1]) <= set(hours)
    for a, b in pairwise(hours):
        first, last = a.astimezone(tz), (b - timedelta(seconds=1)).astimezone(tz)
        assert first.utcoffset() == last.utcoffset()
        assert first.hour == last.hour
        assert b - a <= timedelta(hours=1)


def test_half_an_hour_that_is_changed_makes_bins_of_half_an_hour():
    zone = zone_of("Australia/Lord_Howe")
    autumn = hour_edges(zone, utc("2026-04-04T14:00"), utc("2026-04-04T17:00"))
    assert [f"{t:%H:%M}" for t in autumn] == ["14:00", "15:00", "15:30", "16:30", "17:30"]
    assert [f"{t.astimezone(zone):%H:%M}" for t in autumn] == [
        "01:00", "01:30", "02:00", "03:00", "04:00"
    ]  # fmt: skip
    spring = hour_edges(zone, utc("2026-10-03T14:30"), utc("2026-10-03T16:00"))
    assert [f"{t.astimezone(zone):%H:%M}" for t in spring] == ["01:00", "02:30", "03:00"]


def test_offsets_cut_a_span_where_the_clock_is_changed():
    runs = offset_runs(zone_of("Pacific/Chatham"), utc("2026-04-04T00:00"), utc("2026-04-05T00:00"))
    assert [(r.since, r.offset) for r in runs] == [
        (utc("2026-04-04T00:00"), timedelta(hours=13, minutes=45)),
        (utc("2026-04-04T14:00"), timedelta(hours=12, minutes=45)),
    ]


@pytest.mark.parametrize("name", ["Berlin", "europe/berlin", "../etc/passwd", "", "UTC+2",
                                  "localtime", "Factory", "Europe/Berlin\0"])  # fmt: skip
def test_what_is_no_zone_is_refused_in_words(name):
    with pytest.raises(UnknownZoneError, match="is no time zone"):
        zone_of(name)


def test_a_zone_that_is_nearly_one_is_named():
    with pytest.raises(UnknownZoneError, match="is it Europe/Berlin"):
        zone_of("Europe/Berln")


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        ("Europe/Berlin", "2026-07-01 12:00", "2026-07-01T10:00"),
        ("Asia/Kathmandu", "2026-07-01T12:00", "2026-07-01T06:15"),
        ("Europe/Berlin", "2026-10-25T02:30+02:00", "2026-10-25T00:30"),
        ("Europe/Berlin", "2026-10-25T02:30+01:00", "2026-10-25T01:30"),
        ("Europe/Berlin", "2026-07-01T12:00Z", "2026-07-01T12:00"),
    ],
)
def test_a_typed_time_is_of_the_place(zone, text, expected):
    assert instant_of_local(text, zone_of(zone)) == utc(expected)


@pytest.mark.parametrize(
    ("zone", "text", "words"),
    [
        ("Europe/Berlin", "2026-03-29 02:30", "does not exist in Europe/Berlin"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "does not exist in Australia/Lord_Howe"),
        ("Europe/Berlin", "2026-10-25 02:30",
         "comes twice in Europe/Berlin: write .*02:30[+]02:00 or 2026-10-25T02:30[+]01:00"),
        ("Australia/Lord_Howe", "2026-04-05 01:45", "01:45[+]11:00 or .*01:45[+]10:30"),
        ("Europe/Berlin", "soon", "is no time"),
    ],
)  # fmt: skip
def test_a_time_that_is_not_or_is_twice_is_refused_in_words(zone, text, words):
    with pytest.raises(LocalTimeError, match=words):
        instant_of_local(text, zone_of(zone))


def test_the_edges_of_the_gap_and_of_the_fold_exist_once():
    zone = zone_of("Europe/Berlin")
    for text, expected in (
        ("2026-03-29 01:59", "2026-03-29T00:59"), ("2026-03-29 03:00", "2026-03-29T01:00"),
        ("2026-10-25 01:59", "2026-10-24T23:59"), ("2026-10-25 03:00", "2026-10-25T02:00"),
    ):  # fmt: skip
        assert instant_of_local(text, zone) == utc(expected)


def test_two_half_past_twos_are_told_apart():
    zone = zone_of("Europe/Berlin")
    assert zoned(utc("2026-10-25T00:30"), zone) == "2026-10-25 02:30 (+02:00)"
    assert zoned(utc("2026-10-25T01:30"), zone) == "2026-10-25 02:30 (+01:00)"
    assert zoned(utc("2026-10-25T02:30"), zone) == "2026-10-25 03:30"
    assert date(2026, 10, 25) == utc("2026-10-24T22:00").astimezone(zone).date()
