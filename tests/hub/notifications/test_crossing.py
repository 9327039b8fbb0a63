"""A limit with hysteresis and duration, reading by reading."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hub.notifications.crossing import Course, Threshold

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FREEZING = Threshold(3.0, above=False, margin=0.5, lasting=timedelta(minutes=20))


def at(minutes):
    return NOON + timedelta(minutes=minutes)


def read(course, *readings):
    """Readings (minute, value); what ended with each."""
    return [course.read(at(minute), value) for minute, value in readings]


def test_it_has_to_last_and_to_come_back_by_the_margin():
    course = Course(FREEZING)
    assert read(course, (0, 4.0), (5, 3.0), (10, 2.9), (15, 2.5)) == [None] * 4
    course.pass_to(at(29))
    assert course.open is None
    course.pass_to(at(30))
    assert (course.open.since, course.open.worst, course.open.value) == (at(10), 2.5, 2.5)
    # The limit itself, and less than the margin beyond it, is not back.
    assert read(course, (35, 3.0), (40, 3.4)) == [None, None]
    [over] = read(course, (45, 3.5))
    assert (over.since, over.ended, over.worst, over.value) == (at(10), at(45), 2.5, 3.5)
    assert course.open is None


def test_a_short_dip_is_nothing_and_begins_anew():
    course = Course(FREEZING)
    assert read(course, (0, 2.0), (19, 3.0), (20, 2.0)) == [None] * 3
    course.pass_to(at(39))
    assert course.open is None
    course.pass_to(at(40))
    assert course.open.since == at(20)


def test_what_came_late_and_is_over_is_found():
    """A device that slept through a night tells all of it at once."""
    course = Course(FREEZING)
    *rest, over = read(course, *((n * 5, 2.0) for n in range(10)), (50, 8.0))
    assert (rest, over.since, over.ended) == ([None] * 10, at(0), at(50))
    # Twice the same, or older ones again, change nothing.
    assert read(course, (50, 8.0), (10, 2.0)) == [None, None]


def test_a_reading_holds_two_hours_and_no_longer():
    slow = Threshold(30.0, above=True, margin=0.0, lasting=timedelta(hours=3))
    course = Course(slow)
    read(course, (0, 31.0))
    course.pass_to(at(600))
    assert course.open is None
    assert read(course, (601, 20.0)) == [None]
    read(course, (660, 31.0), (760, 32.0), (840, 31.0))
    assert (course.open.since, course.open.worst) == (at(660), 32.0)


def test_after_a_restart_it_goes_on():
    course = Course(FREEZING)
    course.resume(at(0), 3.0)
    # What was read since it began is read again: the worst of it is not forgotten.
    *_, over = read(course, (0, 2.0), (30, 1.0), (60, 4.0))
    assert (over.since, over.ended, over.worst) == (at(0), at(60), 1.0)


def test_a_gap_in_which_nobody_knows_begins_the_duration_anew():
    slow = Threshold(30.0, above=True, margin=0.0, lasting=timedelta(hours=3))
    course = Course(slow)
    read(course, *((n * 5, 31.0) for n in range(12)), (600, 31.0), (605, 31.0))
    assert course.open is None
    assert course.since == at(600)
    # A device that measures every four hours lets one wait as a rule.
    seldom = Course(slow)
    read(seldom, (0, 20.0), (240, 20.0), (480, 31.0))
    seldom.pass_to(at(480 + 180))
    assert seldom.open.since == at(480)


def test_the_limit_itself_is_not_beyond_as_floats_say_it():
    assert 4.02 - 1.02 < 3.0
    assert not FREEZING.beyond(4.02 - 1.02)
    assert FREEZING.back(4.02 - 0.52)
    assert FREEZING.beyond(2.999)
