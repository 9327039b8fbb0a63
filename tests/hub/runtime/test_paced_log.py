"""The log as a whole is bounded, whoever causes its lines; what is left out is summed up."""

from __future__ import annotations

import logging

import pytest

from hub.runtime.log_events import EVENTS
from hub.runtime.paced_log import PacedLog


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Written(logging.Handler):
    def __init__(self, paced: PacedLog) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.addFilter(paced)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def handlers(clock: Clock):
    paced = PacedLog(5, 6, clock)
    both = [Written(paced), Written(paced)]
    root = logging.getLogger()
    hub = logging.getLogger("hub")
    before = hub.level
    hub.setLevel(logging.INFO)
    for one in both:
        root.addHandler(one)
    yield both
    hub.setLevel(before)
    for one in both:
        root.removeHandler(one)


def test_a_flood_is_summed_up_with_where_it_came_from(handlers, clock):
    log = logging.getLogger("hub.somewhere")
    for n in range(12_345 + 5):
        log.warning("refused %s from 10.0.0.%d:%d", n, n % 3, 2000 + n % 60000)
    log.info("something else")
    clock.now += 61
    log.info("something else")
    first, second = (one.lines for one in handlers)
    assert first == second
    assert first[:5] == [f"refused {n} from 10.0.0.{n % 3}:{2000 + n}" for n in range(5)]
    summed = "and 12,345 more from 3 addresses like: refused 5 from 10.0.0.2:2005"
    assert sorted(first[5:]) == sorted(["something else", "something else", summed])


def test_what_a_library_fills_in_itself_is_one_kind(handlers):
    log = logging.getLogger("hub.library")
    for n in range(3000):
        log.warning(f"bad packet {n:x}")  # noqa: G004  # as libraries do
    assert len(handlers[0].lines) <= 50 + 5


def test_events_of_what_there_is_are_whole_and_of_strangers_are_not(handlers):
    for n in range(100):
        EVENTS.device_lost.log(device=f"d{n}", tenant="home", silent_s=1)
        EVENTS.login_refused.log()
    lost = [line for line in handlers[0].lines if "not heard" in line]
    assert (len(lost), len(handlers[0].lines) - len(lost)) == (100, 5)
