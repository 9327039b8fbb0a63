"""What people note about devices: what may be noted, and what its history says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.database.database import Database
from hub.devices.attributes import AttributesRefusedError, merged
from hub.devices.changes import DeviceChanges
from hub.devices.documents import devices_where
from hub.devices.history import changes_of, device_at
from hub.devices.repository import DeviceRepository
from tests.hub.devices.by_hand import write_attributes
from tests.hub.ingest.test_ingest import NOW


def nested(depth: int) -> object:
    value: object = 1
    for n in range(depth):
        value = [value] if n % 2 else {"a": value}
    return value


REFUSED = [
    ([1], "not an object"),
    (None, "not an object"),
    ({"": 1}, "is no name"),
    ({"a" * 101: 1}, "is no name"),
    ({" room": 1}, "is no name"),
    ({"a\nb": 1}, "is no name"),
    ({"replacements": []}, "hub itself"),
    ({"a": float("nan")}, "no number that JSON has"),
    ({"a": [{"b": float("-inf")}]}, r"attributes\.a\.0\.b: no number"),
    ({"a": "x\0"}, "cannot keep"),
    ({"a": {"\ud800": 1}}, "cannot keep"),
    ({"a": nested(8)}, "more than 8 deep"),
    ({"a": 1 << 70000}, "too long a number"),
    ({str(n): n for n in range(100)}, "101 names, of 100"),
    ({"a": "é" * 4096}, "bytes as JSON, of 8192"),
]


@pytest.mark.parametrize(("change", "reason"), REFUSED)
def test_what_cannot_be_kept_is_refused_with_its_place(change: object, reason: str):
    with pytest.raises(AttributesRefusedError, match=reason):
        merged({"there": True}, change)


def test_each_name_is_replaced_as_a_whole_and_null_takes_it_away():
    before = {"room": "attic", "cells": {"a": 1, "b": 2}, "old": 1}
    after = merged(before, {"cells": {"c": None}, "old": None, "gone": None, "deep": nested(7)})
    assert after == {"room": "attic", "cells": {"c": None}, "deep": nested(7)}
    # {"a": "..."} is the value and 9 characters around it.
    assert merged({}, {"a": "x" * 8183}) == {"a": "x" * 8183}


async def test_they_have_a_history_and_are_found_by(store: Database):
    home = store.of("home")
    await DeviceRepository(home).report("d1", {"battery_mv": 2600}, NOW, 9)
    await write_attributes(home, "d1", {"replacements": [{"old": "d0"}]})
    ann = DeviceChanges(home, "ann")
    assert await ann.attributes("d1", {"room": "attic", "n": [1, None]}) == {
        "room": "attic", "n": [1, None]
    }  # fmt: skip
    between = datetime.now(UTC)
    await ann.attributes("d1", {"room": "cellar"})
    await ann.attributes("d1", {"room": "cellar"})
    # A report that comes, and what the hub notes itself, are no change of them.
    await DeviceRepository(home).report("d1", {"battery_mv": 2500}, datetime.now(UTC), 9)
    await write_attributes(home, "d1", {"replacements": []})
    past, now = [await device_at(home, "d1", at) for at in (between, datetime.now(UTC))]
    assert past.attributes == {"room": "attic", "n": [1, None]}
    assert now.attributes == {"room": "cellar", "n": [1, None]}
    changes = await changes_of(home, "d1")
    assert [(c.before, c.after, c.who, c.why) for c in changes if c.property == "attributes"] == [
        (past.attributes, now.attributes, "ann", "noted attributes"),
        (None, past.attributes, "ann", "noted attributes"),
    ]
    assert await devices_where(home, '$.room == "cellar" && $.n[*] == null') == ["d1"]
    await ann.attributes("d1", {"room": None, "n": None})
    assert (await device_at(home, "d1", datetime.now(UTC))).attributes == {}
    assert await devices_where(home, "exists($.replacements)") == ["d1"]
