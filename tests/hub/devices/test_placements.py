"""What a told move makes of where a device was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.devices.placements import OverlappingStayError, Stay, told

KITCHEN, CELLAR, ATTIC = 1, 2, 3


def day(number):
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


def stay(place, since, until=None):
    return Stay(place, day(since), None if until is None else day(until))


# In the kitchen from day 1, in the cellar from day 31.
KNOWN = [stay(KITCHEN, 1, 31), stay(CELLAR, 31)]


@pytest.mark.parametrize(
    ("place", "since", "until", "expected"),
    [
        # now
        (ATTIC, 40, None, [*KNOWN[:1], stay(CELLAR, 31, 40), stay(ATTIC, 40)]),
        (None, 40, None, [*KNOWN[:1], stay(CELLAR, 31, 40)]),
        # The move to where it is happened earlier, or later, than was known.
        (CELLAR, 20, None, [stay(KITCHEN, 1, 20), stay(CELLAR, 20)]),
        (CELLAR, 35, None, [stay(KITCHEN, 1, 35), stay(CELLAR, 35)]),
        # That move went somewhere else.
        (ATTIC, 31, None, [KNOWN[0], stay(ATTIC, 31)]),
        # It was somewhere for a while.
        (
            ATTIC, 10, 20,
            [stay(KITCHEN, 1, 10), stay(ATTIC, 10, 20), stay(KITCHEN, 20, 31), KNOWN[1]],
        ),
        (ATTIC, 10, 31, [stay(KITCHEN, 1, 10), stay(ATTIC, 10, 31), KNOWN[1]]),
        (None, 10, 20, [stay(KITCHEN, 1, 10), stay(KITCHEN, 20, 31), KNOWN[1]]),
        # Before it was anywhere.
        (ATTIC, 0, 1, [stay(ATTIC, 0, 1), *KNOWN]),
        (KITCHEN, 0, 1, [stay(KITCHEN, 0, 1), *KNOWN]),
        # Nothing new.
        (CELLAR, 31, None, KNOWN),
        (KITCHEN, 5, 20, KNOWN),
    ],
)  # fmt: skip
def test_a_told_move(place, since, until, expected):
    assert told(KNOWN, place, day(since), None if until is None else day(until)) == expected


@pytest.mark.parametrize(
    ("place", "since", "until", "clash"),
    [
        (ATTIC, 20, None, KNOWN[1]),
        (None, 20, None, KNOWN[1]),
        (KITCHEN, 5, None, KNOWN[1]),
        (ATTIC, 20, 32, KNOWN[1]),
        (ATTIC, 0, 2, KNOWN[0]),
        (CELLAR, 0, None, KNOWN[0]),
    ],
)
def test_an_overlap_is_refused_and_says_with_what(place, since, until, clash):
    with pytest.raises(OverlappingStayError) as refused:
        told(KNOWN, place, day(since), None if until is None else day(until))
    assert refused.value.stay == clash
    assert "is known to be in place" in str(refused.value)


@given(
    moves=st.lists(
        st.tuples(
            st.sampled_from([KITCHEN, CELLAR, ATTIC, None]),
            st.integers(0, 30),
            st.none() | st.integers(1, 12),
        ),
        max_size=12,
    )
)
def test_it_is_never_in_two_places_and_was_where_it_was_told(moves):
    stays = []
    for place, since, length in moves:
        until = None if length is None else day(since + length)
        try:
            after = told(stays, place, day(since), until)
        except OverlappingStayError:
            continue
        for one, other in pairwise(after):
            assert one.until is not None
            assert one.since < one.until <= other.since
        told_days = range(since, since + length) if length else range(since, 60)
        for number in range(60):
            now = _where(after, number)
            if number in told_days:
                assert now == place
            elif now != _where(stays, number):
                # Only a move to where it is now that was told anew changes what was before.
                assert until is None
                assert stays[-1].until is None
                assert stays[-1].place == place
        stays = after


def _where(stays, number):
    return next((one.place for one in stays if one.holds(day(number))), None)
