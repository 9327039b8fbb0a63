from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from hub.explain.silence import silence
from hub.homekit.presence import Patience

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXACT = Patience(margin=0, share=0)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_sleeper_that_is_not_due():
    found = silence(NOON, 300, after(-1))
    assert (found.expected, found.missed, found.excused) == (None, 0, 0)
    assert found.following == NOON


def test_patience_before_a_wake_counts_as_missed():
    assert silence(NOON, 300, after(60 + 0.2 * 300 - 1)).missed == 0
    found = silence(NOON, 300, after(60 + 0.2 * 300 + 1))
    assert (found.expected, found.missed) == (NOON, 1)
    assert found.following == after(300)


def test_every_wake_missed_counts():
    found = silence(NOON, 300, after(3000), patience=EXACT)
    assert (found.expected, found.missed, found.excused) == (NOON, 11, 0)


def test_what_the_hub_could_not_hear_is_excused():
    away = [(after(-100), after(1000))]
    found = silence(NOON, 300, after(1100), away, EXACT)
    assert (found.expected, found.missed, found.excused) == (None, 0, 4)
    assert found.following == after(1200)
    found = silence(NOON, 300, after(1250), away, EXACT)
    assert (found.expected, found.missed, found.excused) == (after(1200), 1, 4)


def test_an_outage_in_between_does_not_excuse_what_was_missed_before():
    found = silence(NOON, 300, after(1000), [(after(200), after(700))], EXACT)
    assert (found.expected, found.missed, found.excused) == (NOON, 2, 2)


@pytest.mark.parametrize("seed", range(20))
def test_against_counting_one_by_one(seed):
    random_ = random.Random(f"silence {seed}")
    for _ in range(50):
        interval = random_.choice([1, 7, 60, 3600])
        now = random_.randint(-2 * interval, 40 * interval)
        edges = sorted(random_.sample(range(-interval, 45 * interval), 4))
        away = [(after(edges[0]), after(edges[1])), (after(edges[2]), after(edges[3]))]
        due = [n * interval for n in range(50) if n * interval <= now]
        heard = [t for t in due if not any(after(t) >= a and after(t) <= b for a, b in away)]
        found = silence(NOON, interval, after(now), away, EXACT)
        case = f"seed {seed}: {interval} s, now {now}, away {edges}"
        assert found.missed == len(heard), case
        assert found.excused == len(due) - len(heard), case
        assert found.expected == (after(heard[0]) if heard else None), case
        assert found.following >= after(now), case
        assert (found.following - after(now)).total_seconds() < interval or now < 0, case
