"""What a part of a name finds: rooms, devices, pages; pure."""

from __future__ import annotations

import pytest

from hub.devices.glance import DeviceGlance, Glance, PlaceGlance
from hub.web.find import found
from hub.web.menu import MENU

HOUSE = Glance(
    [PlaceGlance(1, None, "House"), PlaceGlance(2, 1, "Cellar"), PlaceGlance(3, 1, "Küche")],
    [
        DeviceGlance("esp_1", "Freezer", 2, None, None),
        DeviceGlance("esp_2", None, None, None, None),
        DeviceGlance("esp_3", "Old freezer", 3, None, None),
        DeviceGlance("a/b?c", "Odd id", None, None, None),
    ],
)
INSIDE = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


def lines(wanted: str) -> list[tuple[str, str, str]]:
    answers = found(wanted, HOUSE, {"esp_2": "Says so itself"}, MENU)
    return [(one.title, one.where, one.path) for one in answers]


def test_names_that_begin_so_come_before_words_that_do():
    assert lines("FREE") == [
        ("Freezer", f"House{INSIDE}Cellar", "/devices/esp_1"),
        ("Old freezer", f"House{INSIDE}Küche", "/devices/esp_3"),
    ]


@pytest.mark.parametrize("wanted", ["kuche", "KÜC", "ku\N{COMBINING DIAERESIS}che", " Küche "])
def test_accents_case_and_spaces_do_not_matter(wanted):
    assert lines(wanted)[0] == ("Küche", "House", "/devices?place=3")


def test_a_device_is_found_by_its_id_and_by_what_it_calls_itself():
    assert lines("esp_2") == [("Says so itself", "Device", "/devices/esp_2")]
    assert lines("says so") == lines("esp_2")
    assert lines("odd")[0][2] == "/devices/a%2Fb%3Fc"


def test_pages_and_their_parts_are_found_those_of_settings_by_who_sees_them():
    assert ("Tokens", "Access", "/tokens") in lines("tokens")
    everybody = [one for one in MENU if not one.setting]
    assert found("tokens", HOUSE, {}, everybody) == []


@pytest.mark.parametrize("wanted", ["", "   ", "nothing is called so", "%", "\x00"])
def test_nothing_finds_nothing(wanted):
    assert lines(wanted) == []


def test_no_more_than_a_glance_takes_in():
    many = Glance([], [DeviceGlance(f"d{n}", f"Room {n}", None, None, None) for n in range(100)])
    assert len(found("room", many, {}, MENU)) == 8
