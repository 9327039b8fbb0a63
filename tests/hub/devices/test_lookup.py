"""Which device is meant: ids, names, capitals, accents, places, and what is ambiguous."""

from __future__ import annotations

import pytest

from hub.devices.known import DeviceUnknownError
from hub.devices.lookup import AmbiguousNameError, NamedDevice, fold, look_up

DEVICES = [
    NamedDevice("esp8266_00000001", "Cellar", ["House"], "home"),
    NamedDevice("esp8266_00000002", "cellar", ["Barn"], "home"),
    NamedDevice("esp8266_00000003", "Küche", ["House", "Ground floor"], "home"),
    NamedDevice("esp8266_00000004", "Fridge", ["House", "Kitchen"], "home"),
    NamedDevice("esp8266_00000005", "Fridge", ["Barn", "Kitchen"], "home"),
    NamedDevice("esp8266_00000006", "esp8266_00000001", [], "home"),
    NamedDevice("esp8266_00000007", "Straße 5/6", [], "home"),
    NamedDevice("esp8266_00000008", "чай", [], "home"),
    NamedDevice("esp8266_00000009", "", ["House"], "home"),
]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("esp8266_00000009", 9),
        ("esp8266_00000001", 1),  # an id goes before a name
        ("Cellar", 1),
        ("cellar", 2),
        ("house/CELLAR", 1),
        ("Barn / Cellar", 2),
        ("kuche", 3),
        ("KÜCHE", 3),
        ("Ku\u0308che", 3),  # as macOS writes it
        ("  Küche ", 3),
        ("Barn/Kitchen/Fridge", 5),
        ("House / Kitchen / fridge", 4),
        ("strasse 5/6", 7),
        ("ЧАЙ", 8),
        ("House / esp8266_00000009", 9),
    ],
)
def test_who_is_meant(text, number):
    assert look_up(text, DEVICES).id == f"esp8266_{number:08}"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("CELLAR", {1, 2}), ("Fridge", {4, 5}), ("Kitchen / Fridge", {4, 5})],
)
def test_several_are_refused_with_all_of_them(text, numbers):
    with pytest.raises(AmbiguousNameError) as refused:
        look_up(text, DEVICES)
    assert {int(one.id[-1]) for one in refused.value.candidates} == numbers
    for one in refused.value.candidates:
        assert str(one) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("Celar", "esp8266_00000001"),
        ("kueche", "esp8266_00000003"),
        ("frid", "esp8266_00000004"),
        ("", ""),
        ("Garage", ""),
        ("чаи", "esp8266_00000008"),  # another letter, not an accent
        ("Attic / Cellar", ""),
    ],
)
def test_none_says_who_is_near(text, near):
    with pytest.raises(DeviceUnknownError) as refused:
        look_up(text, DEVICES)
    assert near in str(refused.value)
    assert bool(refused.value.near) == bool(near) or text == "Attic / Cellar"


def test_letters_of_other_scripts_stay_apart():
    assert fold("が") != fold("か")
    assert fold("Ёлка") != fold("елка")
    assert fold("Σπίτι") == fold("σπιτι")
    assert fold("İstanbul") == fold("istanbul")
