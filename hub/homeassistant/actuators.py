"""Services that can be commanded, as Home Assistant's components have them.

What is said on the topics are HomeKit's own values; templates and payloads name them for Home
Assistant. What HomeKit keeps in several characteristics and Home Assistant in one is put together
by the hub (`combined`). What a device lets nobody set is no control: Home Assistant has locks,
lights, fans and the like only with a command, so such a service is told by what it measures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hub.homeassistant.view import Entity, ServiceView, table, words

__all__ = ["ACTUATORS", "BUTTONS", "HEATER_COOLER_MODE", "HUE_SATURATION"]

HUE_SATURATION = "HueSaturation"
"""`<hue>,<saturation>`: Home Assistant has both in one."""
HEATER_COOLER_MODE = "Mode"
"""`off`, or the target of a HeaterCooler: whether it is active, and what for."""

BUTTONS: Mapping[str, tuple[str, ...]] = {
    "StatelessProgrammableSwitch": ("single", "double", "long"),
    "Doorbell": ("single", "double", "long"),
}
"""What a press is called, by ProgrammableSwitchEvent's value."""

_ON = {"payload_on": "1", "payload_off": "0"}
_HEATING = {0: "off", 1: "heat", 2: "cool", 3: "auto"}
_HEATER_COOLER = {"off": "off", "0": "auto", "1": "heat", "2": "cool"}


def _switch(view: ServiceView) -> Entity | None:
    name = "On" if view.has("On") else "Active"
    if not view.settable(name):
        return None
    config: dict[str, Any] = {
        "state_topic": view.state(name),
        "command_topic": view.set(name),
        **_ON,
        "device_class": "outlet" if view.service == "Outlet" else "switch",
    }
    return view.entity("switch", "", config, name)


def _light(view: ServiceView) -> Entity | None:
    if not view.settable("On"):
        return None
    config: dict[str, Any] = {
        "state_topic": view.state("On"),
        "command_topic": view.set("On"),
        **_ON,
    }
    of = ["On"]
    if view.settable("Brightness"):
        config |= {
            "brightness_state_topic": view.state("Brightness"),
            "brightness_command_topic": view.set("Brightness"),
            "brightness_scale": int(view.limits["Brightness"].maximum or 100),
            # A brightness that is more than 0 turns a light on by itself, in HomeKit's terms too.
            "on_command_type": "last",
        }
        of.append("Brightness")
    if view.settable("Hue", "Saturation"):
        both = view.state("Hue").rpartition("/")[0] + f"/{HUE_SATURATION}"
        config |= {"hs_state_topic": both, "hs_command_topic": f"{both}/set"}
        of += ["Hue", "Saturation"]
    if view.settable("ColorTemperature"):
        limits = view.limits["ColorTemperature"]
        config |= {
            "color_temp_state_topic": view.state("ColorTemperature"),
            "color_temp_command_topic": view.set("ColorTemperature"),
            "min_mireds": int(limits.minimum or 140),
            "max_mireds": int(limits.maximum or 500),
        }
        of.append("ColorTemperature")
    return view.entity("light", "", config, *of)


def _fan(view: ServiceView) -> Entity | None:
    name = "On" if view.has("On") else "Active"
    if not view.settable(name):
        return None
    config: dict[str, Any] = {
        "state_topic": view.state(name),
        "command_topic": view.set(name),
        **_ON,
    }
    of = [name]
    if view.settable("RotationSpeed"):
        config |= {
            "percentage_state_topic": view.state("RotationSpeed"),
            "percentage_command_topic": view.set("RotationSpeed"),
            "speed_range_min": 1,
            "speed_range_max": int(view.limits["RotationSpeed"].maximum or 100),
        }
        of.append("RotationSpeed")
    if view.settable("SwingMode"):
        config |= {
            "oscillation_state_topic": view.state("SwingMode"),
            "oscillation_command_topic": view.set("SwingMode"),
            "payload_oscillation_on": "1",
            "payload_oscillation_off": "0",
        }
        of.append("SwingMode")
    if view.settable("RotationDirection"):
        _, there, back = words({0: "forward", 1: "reverse"})
        config |= {
            "direction_state_topic": view.state("RotationDirection"),
            "direction_command_topic": view.set("RotationDirection"),
            "direction_value_template": there,
            "direction_command_template": back,
        }
        of.append("RotationDirection")
    target = "TargetAirPurifierState" if view.service == "AirPurifier" else "TargetFanState"
    if view.settable(target):
        modes, there, back = words({0: "manual", 1: "auto"}, view.limits[target].valid)
        config |= {
            "preset_modes": modes,
            "preset_mode_state_topic": view.state(target),
            "preset_mode_command_topic": view.set(target),
            "preset_mode_value_template": there,
            "preset_mode_command_template": back,
        }
        of.append(target)
    return view.entity("fan", "", config, *of)


def _cover(view: ServiceView) -> Entity:
    device_class = {"Door": "door", "Window": "window"}.get(view.service, "shade")
    config: dict[str, Any] = {
        "device_class": device_class,
        "position_topic": view.state("CurrentPosition"),
        **view.command("TargetPosition", "set_position_topic"),
        "position_open": 100,
        "position_closed": 0,
        # Home Assistant opens and closes by words; ours are positions.
        **view.command("TargetPosition"),
        "payload_open": "100",
        "payload_close": "0",
        "payload_stop": None,
    }
    of = ["CurrentPosition", "TargetPosition", "PositionState"]
    for tilt in ("HorizontalTiltAngle", "VerticalTiltAngle"):
        if "tilt_status_topic" not in config and view.has(f"Current{tilt}", f"Target{tilt}"):
            config |= {
                "tilt_status_topic": view.state(f"Current{tilt}"),
                **view.command(f"Target{tilt}", "tilt_command_topic"),
                "tilt_min": -90,
                "tilt_max": 90,
                "tilt_opened_value": 0,
                "tilt_closed_value": -90,
            }
            of += [f"Current{tilt}", f"Target{tilt}"]
    return view.entity("cover", "", config, *of)


def _garage(view: ServiceView) -> Entity:
    config: dict[str, Any] = {
        "device_class": "garage",
        "state_topic": view.state("CurrentDoorState"),
        "state_open": "0",
        "state_closed": "1",
        "state_opening": "2",
        "state_closing": "3",
        "state_stopped": "4",
        **view.command("TargetDoorState"),
        "payload_open": "0",
        "payload_close": "1",
        "payload_stop": None,
    }
    return view.entity("cover", "", config, "CurrentDoorState", "TargetDoorState")


def _lock(view: ServiceView) -> Entity | None:
    if not view.settable("LockTargetState"):
        return None
    config: dict[str, Any] = {
        "state_topic": view.state("LockCurrentState"),
        "state_unlocked": "0",
        "state_locked": "1",
        "state_jammed": "2",
        "command_topic": view.set("LockTargetState"),
        "payload_lock": "1",
        "payload_unlock": "0",
    }
    return view.entity("lock", "", config, "LockCurrentState", "LockTargetState")


def _alarm(view: ServiceView) -> Entity | None:
    if not view.settable("SecuritySystemTargetState"):
        return None
    states = {0: "armed_home", 1: "armed_away", 2: "armed_night", 3: "disarmed", 4: "triggered"}
    valid = view.limits["SecuritySystemTargetState"].valid or (0, 1, 2, 3)
    features = {0: "arm_home", 1: "arm_away", 2: "arm_night"}
    config: dict[str, Any] = {
        "state_topic": view.state("SecuritySystemCurrentState"),
        "value_template": table(states),
        "command_topic": view.set("SecuritySystemTargetState"),
        "payload_arm_home": "0",
        "payload_arm_away": "1",
        "payload_arm_night": "2",
        "payload_disarm": "3",
        "code_arm_required": False,
        "code_disarm_required": False,
        "supported_features": [word for value, word in features.items() if value in valid],
    }
    of = ("SecuritySystemCurrentState", "SecuritySystemTargetState")
    return view.entity("alarm_control_panel", "", config, *of)


def _temperatures(view: ServiceView, name: str) -> dict[str, Any]:
    limits = view.limits[name]
    return {
        "min_temp": 10 if limits.minimum is None else limits.minimum,
        "max_temp": 38 if limits.maximum is None else limits.maximum,
        "temp_step": limits.step or 0.1,
    }


def _thermostat(view: ServiceView) -> Entity | None:
    target = "TargetHeatingCoolingState"
    if not (view.settable(target) or view.settable("TargetTemperature")):
        return None
    modes, there, back = words(_HEATING, view.limits[target].valid)
    config: dict[str, Any] = {
        "modes": modes,
        "mode_state_topic": view.state(target),
        "mode_state_template": there,
        **view.command(target, "mode_command_topic"),
        "mode_command_template": back,
        "action_topic": view.state("CurrentHeatingCoolingState"),
        "action_template": table({0: "idle", 1: "heating", 2: "cooling"}),
        "current_temperature_topic": view.state("CurrentTemperature"),
        "temperature_unit": "C",
        "temperature_state_topic": view.state("TargetTemperature"),
        **view.command("TargetTemperature", "temperature_command_topic"),
        **_temperatures(view, "TargetTemperature"),
    }
    of = [target, "CurrentHeatingCoolingState", "CurrentTemperature", "TargetTemperature"]
    if view.has("CurrentRelativeHumidity"):
        config["current_humidity_topic"] = view.state("CurrentRelativeHumidity")
        of.append("CurrentRelativeHumidity")
    if view.settable("TargetRelativeHumidity"):
        config["target_humidity_state_topic"] = view.state("TargetRelativeHumidity")
        config["target_humidity_command_topic"] = view.set("TargetRelativeHumidity")
        of.append("TargetRelativeHumidity")
    return view.entity("climate", "", config, *of)


def _heater_cooler(view: ServiceView) -> Entity | None:
    target = "TargetHeaterCoolerState"
    if not view.settable("Active", target):
        return None
    valid = view.limits[target].valid or (0, 1, 2)
    modes = {
        ours: word for ours, word in _HEATER_COOLER.items() if ours == "off" or int(ours) in valid
    }
    both = view.state(target).rpartition("/")[0] + f"/{HEATER_COOLER_MODE}"
    config: dict[str, Any] = {
        "modes": list(modes.values()),
        "mode_state_topic": both,
        "mode_state_template": table(modes),
        "mode_command_topic": f"{both}/set",
        "mode_command_template": table({word: ours for ours, word in modes.items()}),
        "action_topic": view.state("CurrentHeaterCoolerState"),
        "action_template": table({0: "off", 1: "idle", 2: "heating", 3: "cooling"}),
        "current_temperature_topic": view.state("CurrentTemperature"),
        "temperature_unit": "C",
    }
    of = ["Active", target, "CurrentHeaterCoolerState", "CurrentTemperature"]
    heating, cooling = "HeatingThresholdTemperature", "CoolingThresholdTemperature"
    ends = [name for name in (heating, cooling) if view.settable(name)]
    places = ["temperature_low", "temperature_high"] if len(ends) == 2 else ["temperature"]
    for name, place in zip(ends, places, strict=len(ends) == len(places)):
        config[f"{place}_state_topic"] = view.state(name)
        config[f"{place}_command_topic"] = view.set(name)
    if ends:
        config |= _temperatures(view, ends[0])
        config["max_temp"] = _temperatures(view, ends[-1])["max_temp"]
    if view.settable("SwingMode"):
        swings, there, back = words({0: "off", 1: "on"})
        config |= {
            "swing_modes": swings,
            "swing_mode_state_topic": view.state("SwingMode"),
            "swing_mode_state_template": there,
            "swing_mode_command_topic": view.set("SwingMode"),
            "swing_mode_command_template": back,
        }
        of.append("SwingMode")
    return view.entity("climate", "", config, *of, *ends)


def _humidifier(view: ServiceView) -> Entity | None:
    humid, dry = "RelativeHumidityHumidifierThreshold", "RelativeHumidityDehumidifierThreshold"
    aim = humid if view.settable(humid) else dry
    if not view.settable(aim, "Active"):
        return None  # Home Assistant has none without a humidity to aim at
    target = "TargetHumidifierDehumidifierState"
    modes, there, back = words({0: "auto", 1: "humidify", 2: "dry"}, view.limits[target].valid)
    config: dict[str, Any] = {
        "device_class": "humidifier" if aim == humid else "dehumidifier",
        "state_topic": view.state("Active"),
        "command_topic": view.set("Active"),
        **_ON,
        "current_humidity_topic": view.state("CurrentRelativeHumidity"),
        "target_humidity_state_topic": view.state(aim),
        "target_humidity_command_topic": view.set(aim),
        "min_humidity": view.limits[aim].minimum or 0,
        "max_humidity": view.limits[aim].maximum or 100,
        "action_topic": view.state("CurrentHumidifierDehumidifierState"),
        "action_template": table({0: "off", 1: "idle", 2: "humidifying", 3: "drying"}),
    }
    of = ["Active", aim, "CurrentRelativeHumidity", "CurrentHumidifierDehumidifierState"]
    if view.settable(target):
        config |= {
            "modes": modes,
            "mode_state_topic": view.state(target),
            "mode_state_template": there,
            "mode_command_topic": view.set(target),
            "mode_command_template": back,
        }
        of.append(target)
    return view.entity("humidifier", "", config, *of)


def _valve(view: ServiceView) -> Entity:
    config: dict[str, Any] = {
        "device_class": "water",
        "state_topic": view.state("Active"),
        "state_open": "1",
        "state_closed": "0",
        **view.command("Active"),
        "payload_open": "1",
        "payload_close": "0",
        "reports_position": False,
    }
    return view.entity("valve", "", config, "Active")


def _button(view: ServiceView) -> Entity:
    event = "ProgrammableSwitchEvent"
    valid = view.limits[event].valid or (0, 1, 2)
    config: dict[str, Any] = {
        "device_class": "doorbell" if view.service == "Doorbell" else "button",
        "state_topic": view.state(event),
        "event_types": [word for n, word in enumerate(BUTTONS[view.service]) if n in valid],
    }
    return view.entity("event", "", config, event)


ACTUATORS: Mapping[str, Callable[[ServiceView], Entity | None]] = {
    "Switch": _switch,
    "Outlet": _switch,
    "IrrigationSystem": _switch,
    "Television": _switch,
    "Lightbulb": _light,
    "Fan": _fan,
    "Fanv2": _fan,
    "AirPurifier": _fan,
    "WindowCovering": _cover,
    "Window": _cover,
    "Door": _cover,
    "GarageDoorOpener": _garage,
    "LockMechanism": _lock,
    "SecuritySystem": _alarm,
    "Thermostat": _thermostat,
    "HeaterCooler": _heater_cooler,
    "HumidifierDehumidifier": _humidifier,
    "Valve": _valve,
    "Faucet": _valve,
    "StatelessProgrammableSwitch": _button,
    "Doorbell": _button,
}
"""How each service that can be commanded (or pressed) is one entity; None: not this one."""
