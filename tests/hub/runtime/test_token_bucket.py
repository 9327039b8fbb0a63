"""Token buckets by a clock that is handed in."""

from __future__ import annotations

from hub.runtime.token_bucket import TokenBucket, TokenBuckets


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_fills_by_its_clock_and_never_over():
    clock = Clock()
    bucket = TokenBucket(2, 60, clock)
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    clock.now += 1
    assert [bucket.take() for _ in range(2)] == [True, False]
    clock.now += 1e9
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_a_wait_is_true():
    clock = Clock()
    bucket = TokenBucket(3, 10, clock)
    assert bucket.wait() == 0
    assert [bucket.take() for _ in range(3)] == [True] * 3
    assert bucket.wait() == 6
    clock.now += 5.5
    assert not bucket.take()
    assert bucket.wait() == 0.5
    clock.now += 0.5
    assert bucket.take()


def test_what_was_refused_costs_nothing():
    clock = Clock()
    bucket = TokenBucket(1, 60, clock)
    assert [bucket.take() for _ in range(100)] == [True] + [False] * 99
    clock.now += 1
    assert bucket.full
    assert bucket.take()


def test_keys_have_buckets_of_their_own_and_memory_has_a_bound():
    clock = Clock()
    buckets = TokenBuckets[str](1, 60, limit=3, clock=clock)
    assert buckets.take("a")
    assert not buckets.take("a")
    assert buckets.take("b")
    assert buckets.wait("a") == 1
    assert buckets.wait("unknown") == 0
    buckets.forget("a")
    assert buckets.take("a")
    for name in "cdefg":
        assert buckets.take(name)
    assert len(buckets) == 3
    clock.now += 1
    assert buckets.take("h")
    assert len(buckets) == 1, "those that are full again are forgotten"
