"""What may be acknowledged: everything before it is accounted for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.mqtt.ledger import Ledger


def test_a_hole_holds_the_acknowledgement_back_until_it_is_filled():
    ledger = Ledger()
    assert ledger.account("dev", "b", 0, 5) == 5
    assert ledger.account("dev", "b", 7, 9) == 5
    assert ledger.account("dev", "b", 5, 7) == 9


def test_what_was_thinned_out_is_no_hole():
    assert Ledger().account("dev", "b", 0, 40) == 40


def test_after_a_start_the_database_knows():
    ledger = Ledger()
    assert not ledger.settles("dev", "b", 9)
    ledger.load("dev", "b", [(1, 6), (9, 9)])
    assert ledger.settles("dev", "b", 9)
    assert ledger.account("dev", "b", 9, 10) == 6
    assert ledger.account("dev", "b", 6, 8) == 10


def test_an_old_message_from_the_first_on_does_not_hide_what_the_database_has():
    """One that the broker gives again after a start, though later ones were stored."""
    ledger = Ledger()
    assert ledger.settles("dev", "b", 0)
    assert ledger.account("dev", "b", 0, 50) == 50
    assert ledger.settles("dev", "b", 50)
    assert not ledger.settles("dev", "b", 100)
    ledger.load("dev", "b", [(1, 100)])
    assert ledger.account("dev", "b", 100, 120) == 120


def test_boots_and_devices_are_apart_and_bounded():
    ledger = Ledger(devices=2)
    for boot in ("a", "b", "c"):
        assert ledger.account("dev", boot, 0, 1) == 1
    assert [ledger.settles("dev", boot, 1) for boot in "abc"] == [False, True, True]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=40))
def test_like_a_set_of_numbers(messages):
    ledger, accounted = Ledger(), set()
    for after, count in messages:
        accounted |= set(range(after + 1, after + count + 1))
        floor = ledger.account("dev", "b", after, after + count)
        assert set(range(1, floor + 1)) <= accounted
        assert floor + 1 not in accounted
