"""Honest times for messages that waited in the broker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.database.errors import DatabaseAwayError
from hub.mqtt.clock import ClockMark, Clocks
from hub.mqtt.stored_clocks import StoredClocks

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_the_first_message_is_taken_as_prompt():
    assert Clocks().instant_of("dev", "b", 77, at(0)).at == at(0)


def test_an_hour_in_the_broker_is_seen():
    clocks = Clocks()
    clocks.instant_of("dev", "b", 0, at(0))
    got = [clocks.instant_of("dev", "b", up, at(3600)).at for up in range(300, 3601, 300)]
    for up, made in zip(range(300, 3301, 300), got, strict=False):
        assert abs((made - at(up)).total_seconds()) <= 0.05 * up + 5
    assert got[-1] == at(3600)


def test_a_slow_clock_is_no_wait():
    clocks = Clocks()
    clocks.instant_of("dev", "b", 0, at(0))
    for wake in range(1, 500):  # the device's clock loses 3 %
        assert clocks.instant_of("dev", "b", wake * 291, at(wake * 300)).at == at(wake * 300)


def test_a_new_boot_starts_anew():
    clocks = Clocks([("dev", ClockMark("a", 1_000_000, at(0)))])
    assert clocks.instant_of("dev", "b", 3, at(10)).at == at(10)


def test_marks_are_kept_over_a_restart_and_bounded():
    clocks = Clocks(limit=2)
    for number in range(3):
        clocks.instant_of(f"dev{number}", "b", 0, at(0))
    changed = clocks.changed()
    assert set(changed) == {"dev1", "dev2"}
    assert clocks.changed() == {}
    again = Clocks(changed.items())
    assert again.instant_of("dev2", "b", 100, at(4000)).at == at(100)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), max_size=20))
def test_never_later_than_received(messages):
    clocks = Clocks()
    for up, received in messages:
        assert clocks.instant_of("dev", "b", up, at(received)).at <= at(received)


class Memory:
    """Where marks are kept; away while `away` is set."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, object]] = {}
        self.away = False

    async def load(self, area: str) -> dict[str, object]:
        assert area == "device-clocks"
        return self.kept

    async def save(self, area: str, values: dict[str, dict[str, object]]) -> None:
        if self.away:
            raise DatabaseAwayError("gone")
        self.kept |= values


async def test_marks_survive_a_restart_and_a_database_that_is_away():
    memory, clocks = Memory(), Clocks()
    stored = StoredClocks(memory, clocks)
    await stored.start()
    clocks.instant_of("dev", "b", 0, at(0))
    memory.away = True
    await stored._save()
    assert memory.kept == {}
    memory.away = False
    await stored.stop()
    again = Clocks()
    stored = StoredClocks(memory, again)
    await stored.start()
    await stored.stop()
    # Made an hour ago by the clock that was kept.
    assert again.instant_of("dev", "b", 10, at(3600)).at == at(10)
