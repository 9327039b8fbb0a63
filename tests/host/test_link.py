"""The bad network that other tests rely on is as bad as it says, and the same for one seed."""

from __future__ import annotations

from tests.support.link import Path, Weather

BAD = Weather(delay=0.01, jitter=0.005, loss=0.2, duplicate=0.1, reorder=0.1, late=0.01)


def fates(seed: str, weather: Weather = BAD) -> list[list[float]]:
    path = Path(weather, seed)
    return [path.arrivals(n * 0.001) for n in range(5000)]


def test_one_seed_one_fate() -> None:
    assert fates("a") == fates("a")
    assert fates("a") != fates("b")


def test_it_is_as_bad_as_it_says() -> None:
    copies = [len(fate) for fate in fates("c")]
    assert 0.17 < copies.count(0) / 5000 < 0.23
    assert 0.06 < copies.count(2) / 5000 < 0.1
    arrivals = [fate[0] for fate in fates("c") if fate]
    assert arrivals != sorted(arrivals)
    assert all(at >= n * 0.001 + 0.01 for n, fate in enumerate(fates("c")) for at in fate)


def test_a_good_link_only_delays_and_jitter_keeps_the_order() -> None:
    assert fates("d", Weather(0.01)) == [[n * 0.001 + 0.01] for n in range(5000)]
    arrivals = [fate[0] for fate in fates("e", Weather(0.01, jitter=0.02))]
    assert arrivals == sorted(arrivals)
