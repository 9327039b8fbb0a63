"""Targets: what a device does by itself moves them, what it does by command does not."""

from __future__ import annotations

import asyncio

import pytest

from contracts.homekit.definitions import CHARACTERISTICS
from contracts.reading import SeriesKey
from hub.homekit.courses import Courses
from hub.homekit.targets import pair_of
from hub.homekit.writes import CommandStyle

DOOR = "door/GarageDoorOpener"
BLIND = "blind/WindowCovering"


class Told:
    """What controllers are told of one service, by the names of its characteristics."""

    def __init__(self, home, service):
        self.home, self.service = home, service

    def key(self, name):
        device, service = self.service.split("/")
        return SeriesKey(device, service, 0, name)

    async def read(self, name):
        key = self.key(name)
        await self.home.shown(lambda bridge: key in bridge.tree.shown)
        value = self.home.bridge.tree.shown[key].value
        assert self.home.bridge.display.current(key) == value
        return value

    async def write(self, name, value):
        await self.read(name)
        assert self.home.bridge.send_command(self.key(name), value)
        await self.home.sent.get()

    def say(self, name, value, **how):
        self.home.say(f"{self.service}/{name}", str(value), **how)


async def shown(home, service, **values):
    for name, value in values.items():
        home.say(f"{service}/{name}", str(value))
    told = Told(home, service)
    await told.read(next(iter(values)))
    return told


# Service, state, target, and what each state of a device that nobody commands makes of the target.
BY_ITSELF = [
    # Opened and closed by a wall button, stopped half-way.
    (DOOR, "CurrentDoorState", "TargetDoorState",
     [(1, 1), (2, 0), (0, 0), (3, 1), (1, 1), (2, 0), (4, 0), (3, 1), (1, 1)]),
    (DOOR, "CurrentDoorState", "TargetDoorState", [(0, 0), (1, 1), (0, 0)]),
    # By key; jammed and unknown say nothing of what is wanted.
    ("lock/LockMechanism", "LockCurrentState", "LockTargetState",
     [(1, 1), (0, 0), (2, 0), (1, 1), (3, 1), (0, 0)]),
    # At its own keypad; an alarm does not disarm it.
    ("alarm/SecuritySystem", "SecuritySystemCurrentState", "SecuritySystemTargetState",
     [(3, 3), (1, 1), (4, 1), (3, 3), (2, 2), (0, 0)]),
    (BLIND, "CurrentPosition", "TargetPosition", [(0, 0), (35, 35), (100, 100), (20, 20)]),
    ("pane/Window", "CurrentPosition", "TargetPosition", [(0, 0), (35, 35), (100, 100)]),
    ("gate/Door", "CurrentPosition", "TargetPosition", [(100, 100), (35, 35), (0, 0)]),
    (BLIND, "CurrentHorizontalTiltAngle", "TargetHorizontalTiltAngle", [(-45, -45), (90, 90)]),
    (BLIND, "CurrentVerticalTiltAngle", "TargetVerticalTiltAngle", [(0, 0), (-90, -90)]),
    # Heating says what is wanted, idling does not.
    ("heat/Thermostat", "CurrentHeatingCoolingState", "TargetHeatingCoolingState",
     [(0, 0), (1, 1), (0, 1), (2, 2), (0, 2), (1, 1)]),
    ("tv/Television", "CurrentMediaState", "TargetMediaState", [(0, 0), (1, 1), (2, 2)]),
]  # fmt: skip


@pytest.mark.parametrize(("service", "state", "target", "steps"), BY_ITSELF)
async def test_what_a_device_does_by_itself_moves_its_target(home, service, state, target, steps):
    if "WindowCovering" in service:
        home.say(f"{service}/CurrentPosition", "50")
    if "Thermostat" in service:
        home.say(f"{service}/CurrentTemperature", "20")
    if "Television" in service:
        home.say(f"{service}/Active", "1")
    if "Tilt" in state or "Media" in state:
        home.say(f"{service}/{target}", str(steps[0][1]))
    told = await shown(home, service, **{state: steps[0][0]})
    for said, wanted in steps:
        told.say(state, said)
        assert await told.read(target) == wanted, (said, wanted)


@pytest.mark.parametrize(("service", "state", "target", "steps"), BY_ITSELF[:6])
async def test_after_a_command_a_device_moves_its_target_again(home, service, state, target, steps):
    told = await shown(home, service, **{state: steps[0][0]})
    first, second = [s for s in steps if s[0] == s[1]][:2]
    await told.write(target, second[1])
    told.say(state, second[0])
    assert await told.read(target) == second[1]
    told.say(state, first[0])
    assert await told.read(target) == first[1], "the wall button"


async def test_while_a_door_moves_by_command_its_target_stays(home):
    told = await shown(home, DOOR, CurrentDoorState=1)
    await told.write("TargetDoorState", 0)
    for state in (1, 1, 2, 2, 0):  # still closed when the command was on its way
        told.say("CurrentDoorState", state)
        assert await told.read("TargetDoorState") == 0
    told.say("CurrentDoorState", 3)
    assert await told.read("TargetDoorState") == 1


async def test_a_phone_is_told_where_a_door_goes(home):
    home.say(f"{DOOR}/CurrentDoorState", "1")
    phone = await home.phone()
    state = await phone.wait_for("door", "GarageDoorOpener", "CurrentDoorState")
    target = await phone.wait_for("door", "GarageDoorOpener", "TargetDoorState")
    await phone.subscribe(state, target)
    home.say(f"{DOOR}/CurrentDoorState", "2")
    assert {await phone.events.get(), await phone.events.get()} == {(state, 2), (target, 0)}
    await phone.write(target, 1)
    assert await phone.read(target) == 1
    home.say(f"{DOOR}/CurrentDoorState", "3")
    assert await phone.read(target) == 1


async def test_a_door_that_turns_round(home):
    """An obstacle: it was closing by command and opens again by itself."""
    told = await shown(home, DOOR, CurrentDoorState=0)
    await told.write("TargetDoorState", 1)
    told.say("CurrentDoorState", 3)
    assert await told.read("TargetDoorState") == 1
    told.say("CurrentDoorState", 0)
    assert await told.read("TargetDoorState") == 0


async def test_a_blind_without_a_target_topic(home):
    told = await shown(home, BLIND, CurrentPosition=20)
    await told.write("TargetPosition", 80)
    for position in (20, 30, 50, 79):
        told.say("CurrentPosition", position)
        assert await told.read("TargetPosition") == 80
    told.say("CurrentPosition", 80)
    told.say("CurrentPosition", 40)
    assert await told.read("TargetPosition") == 40


async def test_a_blind_that_is_stopped_half_way(home):
    told = await shown(home, BLIND, CurrentPosition=20, PositionState=2)
    await told.write("TargetPosition", 80)
    told.say("PositionState", 2)  # its answer, before it begins
    told.say("CurrentPosition", 20)
    assert await told.read("TargetPosition") == 80
    told.say("PositionState", 1)
    told.say("CurrentPosition", 45)
    assert await told.read("TargetPosition") == 80
    told.say("PositionState", 2)
    assert await told.read("TargetPosition") == 45


async def test_a_blind_that_is_turned_round(home):
    told = await shown(home, BLIND, CurrentPosition=20)
    await told.write("TargetPosition", 80)
    for position in (40, 60):
        told.say("CurrentPosition", position)
    told.say("CurrentPosition", 50)
    assert await told.read("TargetPosition") == 50
    told.say("CurrentPosition", 30)
    assert await told.read("TargetPosition") == 30


async def test_a_blind_that_says_where_it_goes(home):
    """By its own app: it has a target topic, and moves for a while."""
    told = await shown(home, BLIND, CurrentPosition=20)
    told.say("TargetPosition", 80)
    for position in (30, 60):
        told.say("CurrentPosition", position)
        assert await told.read("TargetPosition") == 80
    told.say("CurrentPosition", 80)
    told.say("CurrentPosition", 10)
    assert await told.read("TargetPosition") == 10


async def test_arming_takes_its_time_and_the_keypad_has_the_last_word(home):
    told = await shown(home, "alarm/SecuritySystem", SecuritySystemCurrentState=3)
    await told.write("SecuritySystemTargetState", 1)
    told.say("SecuritySystemTargetState", 1)  # it has a target topic
    for _ in range(3):
        told.say("SecuritySystemCurrentState", 3)
        assert await told.read("SecuritySystemTargetState") == 1
    told.say("SecuritySystemCurrentState", 1)
    told.say("SecuritySystemCurrentState", 4)
    assert await told.read("SecuritySystemTargetState") == 1
    told.say("SecuritySystemCurrentState", 3)
    assert await told.read("SecuritySystemTargetState") == 3


async def test_automatic_leaves_heating_and_cooling_to_the_thermostat(home):
    told = await shown(home, "heat/Thermostat", CurrentTemperature=20, TargetHeatingCoolingState=3)
    for state in (0, 1, 2, 0):
        told.say("CurrentHeatingCoolingState", state)
        assert await told.read("TargetHeatingCoolingState") == 3
    await told.write("TargetHeatingCoolingState", 0)
    told.say("TargetHeatingCoolingState", 0)
    told.say("CurrentHeatingCoolingState", 0)
    assert await told.read("TargetHeatingCoolingState") == 0


async def test_a_command_that_nothing_came_of_is_taken_back(make):
    home = await make(command_style=lambda _: CommandStyle(confirm=0.01))
    told = await shown(home, DOOR, CurrentDoorState=1)
    await told.write("TargetDoorState", 0)
    target = told.home.bridge.tree.shown[told.key("TargetDoorState")]
    await home.shown(lambda _: target.value == 1)
    assert not list(home.bridge.display._courses._courses)


async def test_a_blind_that_stops_without_a_word(make):
    home = await make(command_style=lambda _: CommandStyle(confirm=0.01))
    told = await shown(home, BLIND, CurrentPosition=20)
    await told.write("TargetPosition", 80)
    told.say("CurrentPosition", 50)
    target = home.bridge.tree.shown[told.key("TargetPosition")]
    await home.shown(lambda _: target.value == 50)


async def test_a_door_that_is_there_already(home):
    told = await shown(home, DOOR, CurrentDoorState=0)
    await told.write("TargetDoorState", 1)
    await told.write("TargetDoorState", 0)
    assert await told.read("TargetDoorState") == 0
    assert told.home.bridge.display._writes.pending.get(
        SeriesKey("door", "GarageDoorOpener", 0, "TargetDoorState")
    ) is None  # fmt: skip


async def test_a_target_that_was_kept_wrong_or_moved_while_the_hub_was_away(make):
    home = await make(command_style=lambda _: CommandStyle(confirm=0.02))
    told = await shown(home, DOOR, CurrentDoorState=0)
    key = told.key("TargetDoorState")
    await home.bridge.stop()
    home.state.values[key] = 1  # as an earlier version left it
    await home.restart()
    await home.shown(lambda bridge: bridge.tree.shown[key].value == 0)
    # Retained messages, in either order: the state is newer than the last command.
    for order in (("TargetDoorState", "CurrentDoorState"), ("CurrentDoorState", "TargetDoorState")):
        for name in order:
            told.say(name, int(name == "TargetDoorState"), live=False)
        assert await told.read("TargetDoorState") == 0


@pytest.mark.parametrize(
    ("service", "name", "state", "active"),
    [
        ("AirPurifier", "CurrentAirPurifierState", 0, 2),
        ("HeaterCooler", "CurrentHeaterCoolerState", 0, 1),
        ("HumidifierDehumidifier", "CurrentHumidifierDehumidifierState", 0, 1),
        ("Valve", "InUse", 0, 1),
    ],
)
async def test_what_says_only_that_it_is_active_does_something(home, service, name, state, active):
    told = await shown(home, f"air/{service}", Active=0)
    assert await told.read(name) == state
    told.say("Active", 1)
    assert await told.read(name) == active


class Timers:
    def __init__(self):
        self.calls = []

    def later(self, seconds, call):
        handle = asyncio.TimerHandle(0, call, (), asyncio.get_running_loop())
        self.calls.append((seconds, call, handle))
        return handle


async def test_a_security_system_may_arm_for_longer_than_a_blind_moves():
    timers, over = Timers(), []
    courses = Courses(timers.later, over.append)
    alarm = SeriesKey("alarm", "SecuritySystem", 0, "SecuritySystemTargetState")
    blind = SeriesKey("blind", "WindowCovering", 0, "TargetPosition")
    courses.begin(alarm, 1, 3, 60)
    assert timers.calls == []
    courses.begin(blind, 80, 20, 60)
    courses.progress(blind, 30)
    [(_, _, first), (seconds, call, _)] = timers.calls
    assert first.cancelled()
    assert seconds == 60
    call()
    assert over == [blind]
    assert blind not in courses
    assert alarm in courses


@pytest.mark.parametrize(
    ("state", "target", "said", "settled"),
    [
        ("CurrentHeaterCoolerState", 1, 3, 2),
        ("CurrentHeaterCoolerState", 2, 2, 1),
        ("CurrentHeaterCoolerState", 0, 2, None),
        ("CurrentHeaterCoolerState", 1, 1, None),
        ("CurrentHumidifierDehumidifierState", 1, 3, 2),
        ("CurrentHumidifierDehumidifierState", 0, 3, None),
        ("CurrentHeatingCoolingState", 3, 1, None),
        ("CurrentHeatingCoolingState", 0, 1, 1),
        ("CurrentVisibilityState", 0, 1, 1),
        ("CurrentTiltAngle", 10, -30, -30),
    ],
)
def test_what_a_state_says_of_a_target(state, target, said, settled):
    pair = pair_of(state)
    assert pair.settled(said, target) == settled
    assert CHARACTERISTICS[pair.target].writable
    assert not CHARACTERISTICS[pair.current].writable
    if pair.means is not None:
        assert set(pair.means.values()) <= set(CHARACTERISTICS[pair.target].valid)
