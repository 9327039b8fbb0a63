from __future__ import annotations

import pytest

from hub.runtime.ticks import until_tick


@pytest.mark.parametrize(
    ("period", "now", "pause"),
    [
        (5.0, 0.0, 5.0),
        (5.0, 12.0, 3.0),
        (15.0, 12.0, 3.0),  # with the one of five seconds
        (60.0, 58.5, 1.5),
        # Woken a moment too early the one that ends now is not begun again.
        (5.0, 14.99999, 5.00001),
        (1.0, 7.25, 0.75),
    ],
)
def test_pauses_of_one_length_end_together(period, now, pause):
    assert until_tick(period, now) == pytest.approx(pause)


def test_none_is_nothing_and_none_is_much_longer():
    for number in range(2000):
        now = 1_000_000 + number * 0.0137
        assert 0.02 <= until_tick(2.0, now) <= 2.02
