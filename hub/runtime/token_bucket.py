"""Bounds on what strangers may make us do."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["TokenBucket", "TokenBuckets"]

K = TypeVar("K", bound=Hashable)


class TokenBucket:
    """`capacity` at once, `per_minute` in the long run; constant memory.

    `clock` in seconds, monotonic: setting the wall clock changes nothing.
    """

    __slots__ = ("_capacity", "_clock", "_every", "_full_at")

    def __init__(
        self, capacity: int, per_minute: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._capacity = capacity
        self._every = 60 / per_minute
        self._clock = clock
        self._full_at = clock()

    @property
    def full(self) -> bool:
        """Whether it is as if it had never been used."""
        return self._full_at <= self._clock()

    def wait(self) -> float:
        """Seconds until one more is allowed; 0 when it is now."""
        missing = self._full_at - self._clock()
        return max(0.0, missing - (self._capacity - 1) * self._every)

    def take(self, count: int = 1) -> bool:
        """Whether one more is allowed now; then it counts, as so many."""
        if self.wait() > 0:
            return False
        self._full_at = max(self._full_at, self._clock()) + self._every * count
        return True

    def give_back(self) -> None:
        """One that was taken does not count after all."""
        self._full_at -= self._every


class TokenBuckets(Generic[K]):
    """A bucket for each key, all of one size.

    Those that are full again are forgotten; beyond `limit` keys, those untouched longest.
    """

    def __init__(
        self,
        capacity: int,
        per_minute: float,
        *,
        limit: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity, self._per_minute, self._clock = capacity, per_minute, clock
        self._limit = limit
        # In the order in which they were last taken from.
        self._buckets: dict[K, TokenBucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, key: K) -> float:
        """Seconds until one more is allowed for a key; 0 when it is now."""
        bucket = self._buckets.get(key)
        return bucket.wait() if bucket is not None else 0.0

    def take(self, key: K) -> bool:
        """Whether one more is allowed for a key now; then it counts."""
        bucket = self._buckets.pop(key, None)
        if bucket is None:
            bucket = TokenBucket(self._capacity, self._per_minute, self._clock)
        taken = bucket.take()
        self._buckets[key] = bucket
        self._tidy()
        return taken

    def give_back(self, key: K) -> None:
        """One that was taken for a key does not count after all."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.give_back()

    def forget(self, key: K) -> None:
        """As if nothing had ever been taken for a key."""
        self._buckets.pop(key, None)

    def _tidy(self) -> None:
        while self._buckets:
            oldest = next(iter(self._buckets))
            if not self._buckets[oldest].full and len(self._buckets) <= self._limit:
                return
            del self._buckets[oldest]
