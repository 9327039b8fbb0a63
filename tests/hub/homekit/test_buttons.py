"""Buttons: a press counts when it happens, and several of a device are told apart."""

from __future__ import annotations

import pytest

from contracts.homekit.definitions import CHARACTERISTICS, SERVICES
from contracts.reading import SeriesKey
from hub.homekit.model import MAX_SERVICES, DeviceModel
from tests.support.controller import is_type

BUTTON, EVENT = "StatelessProgrammableSwitch", "ProgrammableSwitchEvent"
TOPIC = f"HomeKit/dimmer/{BUTTON}/{EVENT}"


async def test_a_press_is_told_and_one_that_waited_is_not(home):
    home.hear(TOPIC, "0")
    phone = await home.phone()
    place = await phone.wait_for("dimmer", BUTTON, EVENT)
    await phone.subscribe(place)
    home.hear(TOPIC, "1")
    assert await phone.event(place) == 1
    home.hear(TOPIC, "0", waited=600.0)
    home.hear(TOPIC, "0", waited=float("inf"))
    home.hear(TOPIC, "0", retained=True)
    home.hear(TOPIC, "0", redelivered=True)
    batch = '{{"boot": "9f3a61c2", "up": {}, "readings": [[{}, {}, "{}/{}", {}]]}}'
    home.hear("HomeKit/dimmer/$batch", batch.format(60, 1, 30, BUTTON, EVENT, 0))
    home.hear("HomeKit/dimmer/$batch", batch.format(61, 2, 6, BUTTON, EVENT, 0))
    # What comes next shows that none of these was told.
    home.hear("HomeKit/dimmer/$batch", batch.format(62, 3, 0, BUTTON, EVENT, 2))
    assert await phone.event(place) == 2
    home.hear(TOPIC, "1", waited=4.0)
    assert await phone.event(place) == 1


async def test_two_buttons_are_numbered(home):
    home.say(f"dimmer/{BUTTON}/{EVENT}", "0")
    phone = await home.phone()
    first = await phone.wait_for("dimmer", BUTTON, EVENT)
    assert await phone.find("dimmer", BUTTON, "ServiceLabelIndex") is None
    home.say(f"dimmer/{BUTTON}/1/{EVENT}", "0")
    await phone.wait_for("dimmer", BUTTON, "ServiceLabelIndex", 1)
    assert await phone.find("dimmer", BUTTON, EVENT) == first, "its ids stay its own"
    numbers = [
        await phone.read(await phone.wait_for("dimmer", BUTTON, "ServiceLabelIndex", index))
        for index in (0, 1)
    ]
    assert numbers == [1, 2]
    namespace = await phone.wait_for("dimmer", "ServiceLabel", "ServiceLabelNamespace")
    assert await phone.read(namespace) == 1
    [_, accessory] = await phone.tree()
    [label] = [s for s in accessory["services"] if is_type(s, SERVICES["ServiceLabel"].uuid)]
    buttons = [s["iid"] for s in accessory["services"] if is_type(s, SERVICES[BUTTON].uuid)]
    assert sorted(label["linked"]) == sorted(buttons)
    home.check()
    before = await phone.tree()
    await home.restart()
    assert await home.phones[0].tree() == before


async def test_a_number_that_the_device_gives_is_taken(home):
    for index, number in ((0, 3), (1, 5)):
        home.say(f"remote/{BUTTON}/{index}/{EVENT}", "0")
        home.say(f"remote/{BUTTON}/{index}/ServiceLabelIndex", str(number))
    key = SeriesKey("remote", BUTTON, 1, "ServiceLabelIndex")
    await home.shown(lambda bridge: key in bridge.tree.shown)
    assert home.bridge.tree.shown[key].value == 5
    assert CHARACTERISTICS["ServiceLabelIndex"].minimum == 1


@pytest.mark.parametrize(("buttons", "others"), [(2, 110), (60, 60)])
def test_the_label_counts_among_the_services(buttons, others):
    model = DeviceModel("remote")
    for index in range(buttons):
        model.put(SeriesKey("remote", BUTTON, index, EVENT), 0)
    for index in range(others):
        model.put(SeriesKey("remote", "Switch", index, "On"), False)
    plans, unshown = model.plan({})
    assert len(plans) == MAX_SERVICES
    assert len(unshown) == buttons + others + 2 - MAX_SERVICES
    assert sum(plan.service == "ServiceLabel" for plan in plans) == 1
