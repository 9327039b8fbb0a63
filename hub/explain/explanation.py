"""The chain of facts about one device in plain sentences, newest first. Pure."""

from __future__ import annotations

from hub.explain.case import Case
from hub.explain.chain import SENTENCE_MAKERS
from hub.explain.facts import DeviceFacts
from hub.explain.headline import headline
from hub.explain.sentence import Explanation
from hub.language.times import SpokenClock

__all__ = ["explain"]


def explain(facts: DeviceFacts, clock: SpokenClock) -> Explanation:
    """The explanation as of `clock.now`."""
    case = Case(facts, clock)
    sentences = [sentence for make in SENTENCE_MAKERS for sentence in make(case)]
    sentences.sort(key=lambda sentence: sentence.at, reverse=True)
    return Explanation(
        facts.device,
        facts.name,
        headline(case, sentences),
        tuple(sentences),
        case.battery_forecast,
    )
