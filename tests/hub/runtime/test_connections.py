from __future__ import annotations

import logging
from collections import Counter

import pytest

from hub.runtime.connections import Connections
from hub.runtime.descriptors import Descriptors


class Door:
    """A port, and what happened to who came."""

    def __init__(self, total: int, **named) -> None:
        self.now = 0.0
        self.limits = Connections("door", total, clock=lambda: self.now, **named)
        self.closed: list[str] = []

    def come(self, name: str, address: str):
        return self.limits.admit(address, lambda: self.closed.append(name))


def test_the_longest_silent_goes_first():
    door = Door(3, share=1)
    first, second = door.come("first", "a"), door.come("second", "a")
    door.come("third", "a")
    second.busy()
    first.busy()
    first.waiting()
    assert door.come("fourth", "b") is not None
    # The second is being answered, the first waits since later than the third.
    assert door.closed == ["third"]
    assert door.come("fifth", "b") is not None
    assert door.closed == ["third", "first"]
    assert len(door.limits) == 3


def test_who_has_the_most_gives_way():
    door = Door(10, share=0.9)
    for number in range(8):
        door.come(f"many {number}", "a")
    door.come("quiet", "b")
    door.come("slow", "c")
    for number in range(5):
        assert door.come(f"new {number}", f"n{number}") is not None
    assert door.closed == [f"many {number}" for number in range(5)]


def test_one_address_has_no_more_than_its_share():
    door = Door(8, share=0.5)
    kept = [door.come(f"{number}", "a") for number in range(4)]
    for connection in kept:
        connection.busy()
    assert door.come("fifth", "a") is None
    assert door.come("other", "b") is not None
    assert door.closed == []
    kept[0].ended()
    kept[0].ended()
    assert door.come("sixth", "a") is not None
    assert len(door.limits) == 5


def test_without_anyone_to_close_a_newcomer_is_refused():
    door = Door(2, share=1)
    for address in ("a", "b"):
        door.come(address, address).busy()
    assert door.come("c", "c") is None
    assert len(door.limits) == 2


def test_what_was_closed_to_make_room_counts_no_more():
    door = Door(1, share=1)
    first = door.come("first", "a")
    second = door.come("second", "b")
    assert door.closed == ["first"]
    first.busy()
    first.ended()
    assert len(door.limits) == 1
    second.ended()
    assert len(door.limits) == 0


def test_the_log_says_it_once_a_minute(caplog: pytest.LogCaptureFixture):
    door = Door(1, share=1)
    with caplog.at_level(logging.WARNING):
        for number in range(1000):
            door.come(f"{number}", "a")
        assert len(caplog.records) == 1
        door.now = 61
        door.come("later", "a")
    assert len(caplog.records) == 2
    assert "most from a" in caplog.records[1].message
    assert door.limits.closed == Counter()


@pytest.mark.parametrize("limit", [256, 400, 1024, 4096, 65536])
def test_all_doors_fit_into_what_a_process_may_open(limit: int):
    room = Descriptors(limit)
    assert room.http + room.homekit + 100 <= limit
    assert room.mqtt + room.mqtts + 20 <= limit
    assert room.enrolment + 20 <= limit
    assert min(room.http, room.homekit, room.mqtt, room.mqtts, room.enrolment) >= 8
