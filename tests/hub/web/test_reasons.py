"""Reasons that the hub stored in English, said in another language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.language.words import spoken
from hub.web.updates.reasons import REASONS, reason_said

SOURCES = Path(__file__).parents[3] / "hub" / "rollouts"


@pytest.mark.parametrize(
    ("stored", "german"),
    [
        ("runs 2.0.0 already", "hat 2.0.0 schon"),
        ("by ann", "von ann"),
        ("1 skipped, 2 failed", "1 übersprungen, 2 gescheitert"),
        ("the rollout is paused", "die Verteilung ist pausiert"),
        ("the canary d1: was not heard since 1 Dec", "die Vorhut d1: seit 1 Dec nicht gehört"),
        ("what a device said itself", "what a device said itself"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_is_known_is_translated_with_what_it_names(stored, german):
    with spoken("de"):
        assert reason_said(stored) == german
    assert reason_said(stored) == stored


def test_each_is_still_what_a_rollout_says():
    code = re.sub(r"\s+", " ", "\n".join(one.read_text() for one in SOURCES.glob("*.py")))
    stale = [
        message
        for message in REASONS
        if (longest := max(re.split(r"\{\w+\}", message), key=len)).strip() not in code
        and longest.strip(": ") not in code
    ]
    assert not stale
