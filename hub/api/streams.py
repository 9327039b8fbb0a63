"""Streams of live values that are open: how many, whose, and ending them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from hub.api.principal import Principal
from hub.api.problems import ProblemError
from hub.live import Subscription

__all__ = ["LiveStreams"]

_A_PERSON = 8  # browsers allow six to one server
_A_TENANT = 60
_ALL = 200  # each costs a connection and its share of every event


class LiveStreams:
    """Bounded, and ended when the session or token that they were opened with is.

    Where all are taken, a tenant that has fewer gets one all the same: the oldest of the tenant
    that has most ends.
    """

    def __init__(self) -> None:
        self._open: dict[Subscription, Principal] = {}

    @contextmanager
    def one(self, principal: Principal, subscription: Subscription) -> Iterator[None]:
        """One stream. Raises ProblemError (429) where there are too many."""
        own = sum(_same(other, principal) for other in self._open.values())
        tenants = Counter(other.tenant for other in self._open.values())
        theirs, full = tenants[principal.tenant], len(self._open) >= _ALL
        enough = own >= _A_PERSON or theirs >= _A_TENANT
        if enough or (full and not self._made_room(tenants, theirs)):
            raise ProblemError(
                429,
                f"{own} streams are open for {principal.name}, {theirs} for {principal.tenant}, "
                f"{len(self._open)} in all: close one",
                Retry_After="10",
            )
        self._open[subscription] = principal
        try:
            yield
        finally:
            self._open.pop(subscription, None)

    def _made_room(self, tenants: Counter[str], theirs: int) -> bool:
        """End a stream of the tenant that has most, if one more would not make them as many."""
        greediest, most = tenants.most_common(1)[0]
        if most <= theirs + 1:
            return False
        oldest = next(s for s, principal in self._open.items() if principal.tenant == greediest)
        del self._open[oldest]
        oldest.stop()
        return True

    def end_sessions(self, sessions: set[int]) -> None:
        """End what these log-ins opened."""
        for subscription, principal in self._open.items():
            if principal.session and principal.session in sessions:
                subscription.stop()

    def end_token(self, tenant: str, number: int) -> None:
        """End what a tenant's token opened."""
        for subscription, principal in self._open.items():
            theirs = principal.tenant == tenant and not principal.session
            if theirs and principal.name.startswith(f"token {number} "):
                subscription.stop()


def _same(one: Principal, other: Principal) -> bool:
    if one.person or other.person:
        return one.person == other.person
    return (one.tenant, one.name) == (other.tenant, other.name)
