"""What is said stands in every catalogue, with the same placeholders; who asks chooses."""

from __future__ import annotations

import asyncio
import string
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hub.language.catalogues import catalogue, script
from hub.language.extract import extracted, written
from hub.language.times import lasting, number, span, when
from hub.language.words import LANGUAGES, _, language, ngettext, preferred, speak, spoken

ROOT = Path(__file__).parents[3]
FOREIGN = [one for one in LANGUAGES if one != "en"]


@pytest.fixture(scope="module")
def said():
    return extracted(ROOT)


def parts(text):
    return text if isinstance(text, tuple) else (text,)


def placeholders(text: str) -> list[str]:
    found = (name for _text, name, _spec, _way in string.Formatter().parse(text))
    return sorted(name for name in found if name is not None)


def test_the_english_catalogue_is_what_the_sources_say(said):
    kept = (ROOT / "hub/language/messages.pot").read_bytes()
    assert written(said) == kept, "python -m hub.language.extract writes it anew"


@pytest.mark.parametrize("wanted", FOREIGN)
def test_none_is_missing_and_none_is_stale(said, wanted):
    there = catalogue(wanted)
    assert {one.id for one in there} == {one.id for one in said}
    lacking = [one.id for one in there if one.id and (one.fuzzy or not all(parts(one.string)))]
    assert lacking == []


@pytest.mark.parametrize("wanted", FOREIGN)
def test_placeholders_and_edges_are_those_of_the_english(wanted):
    for one in catalogue(wanted):
        if not one.id:
            continue
        more = parts(one.id)[-1]
        for text in parts(one.string):
            assert placeholders(text) == placeholders(more), one.id
            # Some are put together: a space at an end is part of the message.
            assert (text[0] == " ", text[-1] == " ") == (more[0] == " ", more[-1] == " "), one.id


def test_a_script_has_what_scripts_say_and_no_more():
    assert '"Needs attention": "Braucht Aufmerksamkeit"' in script("de")
    assert '"{n} device": ["{n} Gerät", "{n} Geräte"]' in script("de")
    assert '"Temperature": "Température"' in script("fr")
    assert "Choose a name and a password." not in script("de")
    assert "window.dormousePlural=(n)=>Number((n > 1));" in script("fr")


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("pl,fr;q=0.5,de;q=0.7", "de"),
        ("en-GB,de;q=0.9", "en"),
        ("de;q=0,fr;q=0.1", "fr"),
        ("*, xx;q=9, de;q=abc, ;;;", "en"),
        ("xx," * 200 + "fr", "en"),
    ],
)
def test_a_browser_says_what_it_would_rather_read(header, wanted):
    assert preferred(header) == wanted


def test_words_numbers_and_times_are_of_the_language():
    at, now = datetime(2026, 3, 8, 12, 5, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    told = {}
    for one in LANGUAGES:
        with spoken(one):
            told[one] = (
                _("{name} is muted.", name="{Shed}"),
                ngettext("{n} device", "{n} devices", 0),
                number("-18.25 °C"),
                span(3 * 86400),
                lasting(86400 + 7200),
                when(at, ZoneInfo("Europe/Berlin"), now),
            )
    assert told == {
        "en": ("{Shed} is muted.", "0 devices", "-18.25 °C", "3 days", "1 day 2 h", "8 Mar 13:05"),
        "de": (
            "{Shed} ist stummgeschaltet.", "0 Geräte", "-18,25 °C", "3 Tage", "1 Tag 2 h",
            "8. März 13:05",
        ),
        "fr": (
            "{Shed} est en sourdine.", "0 appareil", "-18,25 °C", "3 jours", "1 jour 2 h",
            "8 mars 13:05",
        ),
    }  # fmt: skip
    assert language() == "en"


async def test_a_task_speaks_as_who_began_it_and_tells_nobody_else():
    async def german() -> str:
        speak("de")
        speak("tlh")  # not one of ours
        return await asyncio.create_task(asyncio.to_thread(language))

    assert await asyncio.create_task(german()) == "de"
    assert language() == "en"
