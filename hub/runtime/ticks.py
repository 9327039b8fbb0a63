"""Pauses of what looks again and again: those of one length end together, wherever they began.

A processor that is woken for one look does the others with it, and sleeps until the next.
"""

from __future__ import annotations

import asyncio

__all__ = ["tick", "until_tick"]

# Of a period: a pause that would be shorter is a period longer.
_SHORTEST = 0.01


def until_tick(period: float, now: float) -> float:
    """Seconds until the next multiple of `period`, more than 0 and about `period` at most."""
    left = period - now % period
    return left if left > period * _SHORTEST else left + period


async def tick(period: float) -> None:
    """Sleep until the running loop's clock comes to the next multiple of `period` (s)."""
    await asyncio.sleep(until_tick(period, asyncio.get_running_loop().time()))
