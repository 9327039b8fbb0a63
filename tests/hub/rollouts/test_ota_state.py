"""`$ota/state`: what is understood, and that nothing else is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.messages import MAX_JSON, OtaState, Problem, parse

TOPIC = "HomeKit/esp8266_1a2b3c4d/$ota/state"


def said(**changes) -> bytes:
    told = {"id": 1763786400, "state": "accepted", "version": "1.1.0", "address": "192.168.1.7"}
    return json.dumps({k: v for k, v in (told | changes).items() if v is not ...}).encode()


@pytest.mark.parametrize("state", ["accepted", "refused", "updating", "updated", "failed"])
def test_states(state):
    found = parse(TOPIC, said(state=state, reason="x"))
    assert isinstance(found, OtaState)
    assert (found.id, found.state, found.version, found.address, found.reason, found.device) == (
        1763786400, state, "1.1.0", "192.168.1.7", "x", "esp8266_1a2b3c4d",
    )  # fmt: skip


def test_one_that_could_not_read_its_command_names_none():
    found = parse(TOPIC, said(id=..., state="refused", reason="malformed", address=...))
    assert isinstance(found, OtaState)
    assert found.id is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "done"}, {"state": ...}, {"state": None}, {"id": "7"}, {"id": -1}, {"id": 0},
        {"id": 2**53}, {"id": 1.5}, {"id": True}, {"version": 1}, {"version": "x" * 65},
        {"address": "home"}, {"address": "255.255.255.255"}, {"address": "224.0.0.1"},
        {"address": "0.0.0.0"}, {"address": "192.168.1.7/24"}, {"address": 7}, {"address": ""},
        {"reason": "x" * 201}, {"reason": ["x"]},
    ],
)  # fmt: skip
def test_what_is_refused(wrong):
    found = parse(TOPIC, said(**wrong))
    assert isinstance(found, Problem), found
    assert (found.kind, found.device) == ("otastate", "esp8266_1a2b3c4d")


def test_a_large_one_is_refused_unread():
    found = parse(TOPIC, said(reason="x" * MAX_JSON))
    assert isinstance(found, Problem)
    assert found.kind == "too-large"


@given(st.binary(max_size=200))
def test_any_bytes(payload):
    assert isinstance(parse(TOPIC, payload), OtaState | Problem)
