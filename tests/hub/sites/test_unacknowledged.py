"""When a site's queue may forget what the hub was sent: at its `$ack`, not the broker's PUBACK."""

from __future__ import annotations

import json

import pytest

from hub.sites.unacknowledged import Acknowledged, Unacknowledged, numbers_of

TOPIC = "HomeKit/esp_1/$batch"
BOOT, OTHER = "0badcafe", "0badf00d"


def batch(**said):
    return json.dumps({"boot": BOOT, "up": 100, **said}).encode()


def sent(*lasts, now=0.0):
    one = Unacknowledged()
    for number, last in enumerate(lasts, 1):
        one.sent(number, Acknowledged(BOOT, last), now)
    return one


def test_a_batch_waits_for_its_last_number_and_nothing_else_waits():
    readings = [[4, 2, "TemperatureSensor/CurrentTemperature", 20.5]]
    assert numbers_of(TOPIC, batch(after=3, readings=readings)) == Acknowledged(BOOT, 4)
    rows = batch(after=3, series=["8A/11", "82/1/10"], rows=[[4, 2, 20.5, 41]])
    assert numbers_of(TOPIC, rows) == Acknowledged(BOOT, 5)
    # Refused by name, and numbered: the hub acknowledges it.
    assert numbers_of(TOPIC, batch(readings=[[7, 0, "Nothing/Known", 1]])) == Acknowledged(BOOT, 7)
    nothing = batch(series=[], rows=[], after=3, report=[90, 120, -60])
    unread = (nothing, b"", b"[" * 9000, batch(boot="x"), b"\xff")
    assert [numbers_of(TOPIC, one) for one in unread] == [None] * 5
    assert numbers_of("HomeKit/esp_1/$report", batch(readings=readings)) is None


@pytest.mark.parametrize(
    "payload", [b"", b"[1]", b"[" * 9000, b'{"boot": "0badcafe"}', b'{"boot": "x", "seq": true}']
)
def test_an_ack_that_says_nothing_covers_nothing(payload):
    assert Acknowledged.of(payload) is None


def test_an_ack_covers_all_up_to_it_of_its_boot_identity():
    one = sent(3, 5, 9)
    assert one.acknowledged(Acknowledged(OTHER, 99), 1.0) == []
    assert one.acknowledged(Acknowledged(BOOT, 5), 1.0) == [1, 2]
    assert one.holds(Acknowledged(BOOT, 5))
    assert not one.holds(Acknowledged(BOOT, 6))
    # A hub of which an older backup was restored says less.
    assert one.acknowledged(Acknowledged(BOOT, 2), 1.0) == []
    assert not one.holds(Acknowledged(BOOT, 5))
    assert one.acknowledged(Acknowledged(BOOT, 9), 1.0) == [3]
    assert not one


def test_only_a_window_of_one_boot_identity_is_under_way():
    one = sent(*range(1, Unacknowledged.WINDOW))
    assert one.takes(Acknowledged(BOOT, 99))
    # The hub may say the later of two in one second, and nothing of the other.
    assert not one.takes(Acknowledged(OTHER, 1))
    one.sent(99, Acknowledged(BOOT, 99), 0.0)
    assert not one.takes(Acknowledged(BOOT, 100))
    one.acknowledged(Acknowledged(BOOT, 99), 0.0)
    assert one.takes(Acknowledged(OTHER, 1))


def test_what_is_not_acknowledged_is_due_later_and_later_and_at_once_when_the_line_is_back():
    one, now, pauses = sent(3, 5), 0.0, []
    for _ in range(8):
        pauses.append(one.due_in(now))
        now += pauses[-1]
        assert one.again(now, others_at=-1.0) == [1, 2]
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300]
    one.connected()
    assert one.due_in(now) == 0
    one.again(now, others_at=-1.0)
    assert one.due_in(now) == 5
    one.acknowledged(Acknowledged(BOOT, 3), now + 4)
    assert one.due_in(now + 4) == 5


@pytest.mark.parametrize(("others", "times"), [(True, 10), (False, 100)])
def test_a_device_of_which_nothing_is_acknowledged_is_given_up_after_long(others, times):
    one, now = sent(3, 5), 0.0
    one.acknowledged(Acknowledged(BOOT, 1), now)
    for _ in range(times):
        assert one.give_up() == []
        now += one.due_in(now)
        # The hub says again how far it came, as it does at each message behind a gap.
        assert one.acknowledged(Acknowledged(BOOT, 1), now) == []
        one.again(now, others_at=now - 1 if others else -1.0)
    assert now > 20 * 60
    assert one.give_up() == [1, 2]
    one.acknowledged(Acknowledged(BOOT, 1), now)
    assert one.given_up
    one.acknowledged(Acknowledged(BOOT, 2), now)
    assert not one.given_up


def test_a_line_that_comes_and_goes_gives_nobody_up():
    one, now = sent(3, 5), 0.0
    for _ in range(200):
        one.connected()
        assert one.again(now, others_at=-1.0) == [1, 2]
        now += 1
    assert one.give_up() == []
