"""Ordinary series as homes have them, seeded: weather, rooms, showers, the sun. No faults."""

from __future__ import annotations

import math
import random

from hub.anomalies.profile import Bin, Measurement, SeriesProfile, learn

DAY, STEP = 86_400, 300
A_DAY = DAY // STEP
UNITS = {"indoor": "°C", "outdoor": "°C", "humidity": "%", "pressure": "hPa", "light": "lx"}


def series(kind: str, seed: int, days: int) -> list[Measurement]:
    """A reading every five minutes for so many days, from the epoch on."""
    rng = random.Random(f"{kind} {seed}")
    weather, steam = 0.0, 0.0
    found = []
    for n in range(days * A_DAY):
        at = n * STEP + rng.uniform(-3, 3)
        day = at / DAY
        # Weather that lasts three days, with a spread of one.
        weather += -weather / 864 + rng.gauss(0, 1) * math.sqrt(2 / 864)
        wave = math.sin(2 * math.pi * (day - 0.4))
        if kind == "indoor":
            value = _step(21 + 0.8 * wave + 0.5 * weather + rng.gauss(0, 0.03), 1 / 16)
        elif kind == "outdoor":
            value = _step(8 + 4 * wave + 3 * weather + rng.gauss(0, 0.1), 1 / 16)
        elif kind == "humidity":
            if n % A_DAY == 84 and rng.random() < 0.8:  # somebody showers at seven
                steam = 25
            steam *= 0.9
            value = _step(min(100, 50 + 5 * weather + steam + rng.gauss(0, 0.3)), 0.1)
        elif kind == "pressure":
            value = _step(1010 + 9 * weather + rng.gauss(0, 0.05), 0.1)
        else:
            sun = max(0.0, math.sin(2 * math.pi * (day - 0.25)))
            clouds = 0.3 + 0.7 * abs(math.sin(2 * weather))
            value = _step(20_000 * sun * clouds * rng.uniform(0.7, 1.3), 1)
        found.append((at, value))
    return found


def _step(value: float, step: float) -> float:
    return round(value / step) * step


def hours(samples: list[Measurement]) -> list[Bin]:
    """The hourly rollup."""
    found: dict[float, tuple[float, float]] = {}
    for at, value in samples:
        low, high = found.get(at // 3600 * 3600, (value, value))
        found[at // 3600 * 3600] = min(low, value), max(high, value)
    return [(at, *found[at]) for at in sorted(found)]


def profile_of(kind: str, samples: list[Measurement], day: int) -> SeriesProfile:
    """What the hub would have learnt for judging that day (counted from 1)."""
    past = samples[max(0, day - 29) * A_DAY : (day - 1) * A_DAY]
    return learn(hours(past), past[-7 * A_DAY :], unit=UNITS[kind], offset=0)


def last_day(samples: list[Measurement], day: int) -> list[Measurement]:
    return samples[(day - 1) * A_DAY : day * A_DAY]
