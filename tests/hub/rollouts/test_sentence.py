"""What `dormouse ota device` tells of a device, by the state that the hub gives."""

from __future__ import annotations

import pytest

from host.ota.device_command import sentence

DEVICE = {
    "state": "pending", "reason": "", "not_before": None, "heard_at": None, "expected_at": None,
    "progress": None, "firmware": None,
}  # fmt: skip
SENDING = {"phase": "sending", "done": 409, "total": 1000, "rate": 25_000.0, "seconds_left": 12.3,
           "restarts": 0}  # fmt: skip
AT = "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "waiting"),
        ({"reason": "went silent", "not_before": AT}, "went silent; tried again at "),
        ({"state": "commanded"}, "waiting for its wake: never heard yet"),
        ({"state": "commanded", "heard_at": AT, "expected_at": AT}, "asleep, last heard at "),
        ({"state": "accepted"}, "accepted, waiting for a free stream"),
        ({"state": "updating"}, "accepted, go-ahead sent, waiting for its OTA server"),
        ({"state": "updating", "progress": {**SENDING, "done": 0}}, "waiting for its OTA server"),
        ({"state": "updating", "progress": SENDING},
         "streaming 40 % (40 %, 25.0 kB/s, 12 s left)"),
        ({"state": "updating", "progress": {**SENDING, "seconds_left": None, "restarts": 1}},
         "streaming 40 % (40 %, 25.0 kB/s, began anew)"),
        ({"state": "verifying"}, "verifying: "),
        ({"state": "updated", "firmware": "2.0.0"}, "updated, runs 2.0.0"),
        ({"state": "skipped", "reason": "runs 2.0.0 already"}, "skipped: runs 2.0.0 already"),
    ],
)  # fmt: skip
def test_each_state_is_a_sentence(facts, said):
    found = sentence({**DEVICE, **facts}, {"phase": "running", "reason": ""})
    assert said in found
    assert "None" not in found


def test_a_halted_rollout_is_told_instead_of_a_wait():
    assert sentence(DEVICE, {"phase": "paused", "reason": "by ann"}) == (
        "the rollout is paused: by ann"
    )
