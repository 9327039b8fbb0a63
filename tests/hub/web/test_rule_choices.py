"""A rule taken apart into choices, and put together again, says the same."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hub.language.times import when
from hub.notifications.model import Rule, RuleKind
from hub.notifications.phrases import Whereabouts, parse
from hub.web.notifications.choices import RuleChoices

WHERE = Whereabouts({"cellar": [3]}, {"fridge": ["esp8266_1a2b3c4d"]})
SAID = (
    "Cellar below 3 °C for 20 min",
    "Fridge humidity above 65 % between 22:00 and 06:00",
    "CO2 above 1400 ppm for 100 min",
    "Cellar window open for 10 min",
    "Fridge silent for 5 reports",
    "battery below 7 % or empty within 9 days",
    "unusual values between 8:15 and 15:45",
    "hub was away for 10 min",
    "tunnel down for 2 h",
    "backup failed",
    "disk nearly full",
    "rollout halted",
    "hook failed",
    "Cellar NitrogenDioxideDensity above 40",
)


@pytest.mark.parametrize("text", SAID)
def test_what_was_said_is_kept(text):
    said = parse(text, WHERE)
    choices = RuleChoices.of(Rule(1, "", said.kind, said.options, said.place, said.device))
    assert choices.kind is said.kind
    assert (choices.place, choices.device) == (said.place, said.device)
    ours, theirs = choices.options(), said.options
    if choices.is_state:  # a state's side counts, not by how much
        ours, theirs = (
            one.model_copy(update={"above": None, "below": None}) for one in (ours, theirs)
        )
        assert choices.above == (said.options.above is not None)
    assert ours == theirs


def test_another_subject_has_a_limit_that_is_usual_there_and_keeps_no_place_of_the_hub():
    cold = RuleChoices.of(Rule(1, "", RuleKind.VALUE, parse("Cellar below 3 °C", WHERE).options, 3))
    damp = cold.about("CurrentRelativeHumidity")
    assert (damp.limit, damp.unit, damp.place) == (70.0, "%", 3)
    assert cold.about("backup").place is None
    assert cold.about("backup").options().lacking(RuleKind.BACKUP) is None
    assert cold.about("ContactSensorState").words == {True: "open", False: "closed"}


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        ("2026-10-25T11:00+00:00", "today 12:00"),
        ("2026-10-25T00:30+00:00", "today 02:30 (+02:00)"),
        ("2026-10-24T21:59+00:00", "yesterday 23:59"),
        ("2026-10-19T22:00+00:00", "Tue 00:00"),
        ("2026-08-18T01:12+00:00", "18 Aug 03:12"),
        ("2025-12-01T01:12+00:00", "1 Dec 2025 02:12"),
        ("2026-10-26T02:00+00:00", "tomorrow 03:00"),
    ],
)
def test_instants_are_said_as_people_do(instant, said):
    now = datetime(2026, 10, 25, 12, tzinfo=UTC)
    assert when(datetime.fromisoformat(instant), ZoneInfo("Europe/Berlin"), now) == said
