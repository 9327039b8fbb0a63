"""Problems are counted, logged once a pair, and cost bounded memory."""

from __future__ import annotations

import logging

from hub.runtime.problems import Problems


def test_counts_and_logs_once_a_device_and_kind(caplog):
    problems = Problems()
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            problems.note("json", "dev", "not an object")
        problems.note("utf-8", "dev", "x")
        problems.note("json", "other", "x")
        problems.note("device-id", None, "x")
    assert len(caplog.records) == 4
    assert problems.total == {"json": 6, "utf-8": 1, "device-id": 1}
    assert {kind: seen.count for kind, seen in problems.of("dev").items()} == {
        "json": 5,
        "utf-8": 1,
    }
    assert problems.latest(1)[0][:2] == (None, "device-id")


def test_a_flood_of_devices_is_bounded_in_memory_and_log(caplog):
    problems = Problems(remember=100)
    with caplog.at_level(logging.WARNING):
        for number in range(10_000):
            problems.note("json", f"dev{number}", "x" * 1000)
    assert problems.total["json"] == 10_000
    assert len(problems.latest(100_000)) == 100
    assert len(caplog.records) == 101
    assert "only counted" in caplog.text


def test_forgotten_problems_are_logged_again(caplog):
    problems = Problems()
    problems.note("json", "dev", "x")
    problems.forget("dev")
    assert problems.of("dev") == {}
    caplog.clear()
    problems.note("json", "dev", "x")
    assert len(caplog.records) == 1


def test_names_that_strangers_make_up_are_in_no_devices_way(caplog):
    problems = Problems(remember=100)
    problems.note("json", "dev", "x")
    for number in range(1000):
        problems.note("enrol-too-many", f"made-up{number}", "x", stranger=True)
    assert problems.total["enrol-too-many"] == 1000
    assert problems.of("dev")["json"].count == 1
    assert problems.of("made-up999")["enrol-too-many"].count == 1
    assert problems.of("made-up1") == {}
    assert len(caplog.records) == 1 + 10 + 1
    caplog.clear()
    problems.note("utf-8", "dev", "x")
    assert len(caplog.records) == 1
    assert [of for of, _, _ in problems.latest(2)] == ["dev", "made-up999"]
