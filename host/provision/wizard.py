"""The questions, one after the other; each answer is kept, so that it can go on where it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from host import boards
from host.boards import Board
from host.provision import drivers, plan
from host.provision.answers import Answers
from host.provision.device import SerialDevice
from host.provision.errors import (
    DeviceSaidError,
    PlanError,
    ProvisionError,
    WifiError,
    WrongKeyThriceError,
)
from host.provision.hub import LocalHub
from host.provision.plan import HubEndpoint, ProvisioningPlan, Wifi
from host.sources import INSTALLED, Sources

__all__ = ["Wizard"]

_TRIES = 3
# Nothing that runs a device is below this.
_LEAST_BATTERY_MV = 800


class Wizard:
    """Asks what a plan needs; what was answered before, or lies on the device, is offered."""

    def __init__(
        self,
        device: SerialDevice,
        answers: Answers,
        hub: LocalHub | None,
        console: Console,
        sources: Sources = INSTALLED,
    ) -> None:
        self.device = device
        self.facts = device.facts
        self.answers = answers
        self.hub = hub
        self.console = console
        self.sources = sources
        self.boards = boards.known(sources.boards)
        self.drivers = drivers.known(sources.drivers)
        self.board: Board = next(iter(self.boards.values()))
        # Whether a network is open, of those that the device hears.
        self.open_networks: dict[str, bool] = {}

    def plan(self) -> ProvisioningPlan:
        """Ask what is not answered yet. Raises WrongKeyThriceError, WifiError, typer.Abort."""
        answered = self.answers
        if len(answered):
            self.console.print("going on where you were (--restart asks everything again)")
        self._step("board", self._ask_board)
        self.board = plan.check_board(answered["board"], self.sources)
        self._step("hub", self._ask_hub)
        self._step("ssid", self._ask_ssid)
        self._step("key", self._ask_key)
        self._step("name", self._ask_name)
        self._step("place", self._ask_place)
        self._step("switch", self._ask_switch)
        self._step("sensors", self._ask_sensors)
        self._step("interval", self._ask_interval)
        if self.hub is None:
            self._step("plain", self._ask_plain)
        return ProvisioningPlan(
            board=self.board.id,
            wifi=Wifi(ssid=answered["ssid"], key=answered["key"]),
            hub=HubEndpoint(**answered["hub"]),
            name=answered["name"],
            place=answered["place"],
            model="switch" if answered["switch"] else "sensor",
            interval=answered["interval"],
            sensors=answered["sensors"],
            switch=answered["switch"],
            plain=answered.get("plain"),
        )

    def _step(self, name: str, ask: Callable[[], Any]) -> None:
        if name not in self.answers:
            self.answers.keep(name, ask())

    def _default(self, name: str, otherwise: Any) -> Any:
        return self.facts.settings.get(name) or otherwise

    def _until_allowed(self, ask: Callable[[], Any], take: Callable[[Any], Any]) -> Any:
        """Ask until `take` makes something of the answer, saying each time what is wrong."""
        while True:
            answer = ask()
            try:
                return take(answer)
            except ProvisionError as error:
                self.console.print(str(error), style="red", markup=False, highlight=False)
            except ValidationError as error:
                problem = error.errors(include_url=False)[0]["msg"]
                self.console.print(f"not allowed: {problem}", style="red", markup=False)

    def _ask_board(self) -> Any:
        for board in self.boards.values():
            self.console.print(f"  {board.id:14} {board.name}", highlight=False)
        known = self.facts.board if self.facts.board in self.boards else "nodemcu"
        return self._until_allowed(
            lambda: typer.prompt("Board", default=known),
            lambda text: plan.check_board(text, self.sources).id,
        )

    def _ask_hub(self) -> Any:
        offered = self.hub.addresses[0] if self.hub else None
        if self.hub is None:
            self.console.print("no hub runs here: the device will enrol by itself where you say")
        host = self._default("host", None) or (offered.host if offered else None)

        def take(text: str) -> dict[str, Any]:
            # Unusual ports are the hub's own affair, so they come from its hub.json.
            ports = offered.model_dump(exclude={"host"}) if offered else {}
            return HubEndpoint(host=text, **ports).model_dump()

        return self._until_allowed(lambda: typer.prompt("The hub's address", default=host), take)

    def _ask_ssid(self) -> str:
        networks = self.device.networks()
        self.open_networks = {network.ssid: network.open for network in networks}
        for number, network in enumerate(networks, 1):
            lock = "open" if network.open else ""
            self.console.print(
                f"  {number:2} {network.ssid:32} {network.rssi} dBm {lock}",
                markup=False,
                highlight=False,
            )
        default = self._default("ssid", networks[0].ssid if networks else None)

        def take(text: str) -> str:
            chosen = int(text) if text.isascii() and text.isdigit() else 0
            return networks[chosen - 1].ssid if 0 < chosen <= len(networks) else text

        return str(
            self._until_allowed(
                lambda: typer.prompt("WiFi network (number or name)", default=default),
                lambda text: Wifi(ssid=take(text), key="").ssid,
            )
        )

    def _ask_key(self) -> str:
        """The network's password, tried on the device."""
        ssid = self.answers["ssid"]
        for tries in range(1, _TRIES + 1):
            wifi = self._wifi(ssid)
            try:
                with self.console.status("trying it"):
                    self.device.join(wifi)
            except WifiError as error:
                if not error.wrong_key:
                    self.answers.forget("ssid")
                    raise
                if tries == _TRIES:
                    raise WrongKeyThriceError(ssid) from None
                self.console.print(str(error), style="red", markup=False)
                continue
            self._find_hub()
            return str(wifi.key)
        raise WrongKeyThriceError(ssid)

    def _wifi(self, ssid: str) -> Wifi:
        """The network with the password that was typed, "" only where it can be open."""
        open_ = self.open_networks.get(ssid)
        if open_:
            self.console.print(f"{ssid} is open: it has no password", markup=False)
            return Wifi(ssid=ssid, key="")
        hint = "not shown" if open_ is False else "not shown; empty if open"

        def take(text: str) -> Wifi:
            if not text and open_ is False:
                raise PlanError("", f"{ssid} wants its password")
            return Wifi(ssid=ssid, key=text)

        wifi: Wifi = self._until_allowed(
            lambda: typer.prompt(
                f"Password of {ssid} ({hint})", hide_input=True, default="", show_default=False
            ),
            take,
        )
        return wifi

    def _find_hub(self) -> None:
        """From the network that it has joined the device must get to the hub."""
        for tries in range(1, _TRIES + 1):
            try:
                with self.console.status("looking for the hub from there"):
                    self.device.reach(HubEndpoint(**self.answers["hub"]))
            except DeviceSaidError as error:
                if tries == _TRIES:
                    raise
                self.console.print(str(error), style="red", markup=False)
                self.answers.keep("hub", self._ask_hub())
            else:
                self.console.print("the device is on the network and reaches the hub")
                return

    def _ask_name(self) -> str:
        return self._text("Name of the device", self._default("name", ""), "name")

    def _ask_place(self) -> str:
        if self.hub is None:
            return ""
        return self._text("Place, from the outside in (House / Kitchen)", "", "place")

    def _text(self, question: str, default: str, field: str) -> str:
        """Free text, as the plan allows it."""
        allowed = TypeAdapter(Annotated[str, ProvisioningPlan.model_fields[field]])
        return str(
            self._until_allowed(
                lambda: typer.prompt(question, default=default, show_default=bool(default)).strip(),
                allowed.validate_python,
            )
        )

    def _ask_switch(self) -> bool:
        return self.board.switch is not None and typer.confirm(
            "Use it as a switch, always awake?", default=True
        )

    def _ask_sensors(self) -> list[dict[str, Any]]:
        chosen = [
            entry
            for entry in self._found_sensors()
            if typer.confirm(f"Use {self._described(entry)}?", True)
        ]
        if "battery" in self.board.sensors and (battery := self._ask_battery()):
            chosen.append(battery)
        while (more := self._another(chosen)) is not None:
            chosen.append(more)
        return plan.check_sensors(chosen, self.board, self.sources)

    def _found_sensors(self) -> list[dict[str, Any]]:
        """What answers on the pins; what is wrong there is shown."""
        try:
            with self.console.status("looking for sensors on I2C and 1-Wire"):
                found = self.device.sensors(self.board, self.sources)
        except DeviceSaidError as error:
            self.console.print(f"its pins cannot be looked at: {error}", markup=False)
            return []
        for problem in found.problems:
            self.console.print(problem, style="red", markup=False)
        for address in found.unknown:
            self.console.print(f"something unknown answers at {address:#04x} on I2C")
        return found.entries

    def _ask_battery(self) -> dict[str, Any] | None:
        """The battery, if it can be measured: by what the ADC reads now, or by a divider."""
        if self.board.battery_mv is None:
            return self._ask_divider()
        millivolts = self.device.adc_counts() * self.board.battery_mv // 1024
        wired = millivolts >= _LEAST_BATTERY_MV
        if not wired:
            self.console.print(f"the ADC reads {millivolts} mV: no battery is wired to it")
        wanted = typer.confirm("Report the battery's level?", default=wired)
        return {"driver": "battery"} if wanted else None

    def _ask_divider(self) -> dict[str, Any] | None:
        """A board whose ADC reads 1.0 V at most, or what is made that of the battery's voltage."""

        def take(text: str) -> dict[str, Any] | None:
            if not text.strip():
                return None
            if not text.isascii() or not text.strip().isdigit():
                raise PlanError("", f"{text!r} is not a number of millivolts")
            entry = {"driver": "battery", "scale_mv": int(text)}
            return plan.check_sensors([entry], self.board, self.sources)[0]

        battery: dict[str, Any] | None = self._until_allowed(
            lambda: typer.prompt(
                "Millivolts at the battery that your divider makes 1.0 V at the ADC (empty: none)",
                default="", show_default=False,
            ),
            take,
        )  # fmt: skip
        return battery

    def _described(self, entry: Mapping[str, Any]) -> str:
        driver = self.drivers[entry["driver"]]
        pins = ", ".join(self.board.label(entry[pin]) for pin in driver.pins)
        identity = entry.get(driver.identity, "")
        if isinstance(identity, int):
            identity = hex(identity)
        return f"{driver.name} {identity} on {pins}"

    def _another(self, chosen: list[dict[str, Any]]) -> dict[str, Any] | None:
        """A further sensor that no scan finds (a DHT22), or None."""
        names = [name for name in self.board.sensors if name != "battery"]
        if not names:
            return None

        def ask() -> dict[str, Any]:
            name = typer.prompt(
                f"Another sensor ({', '.join(names)}; empty: none)", default="", show_default=False
            ).strip()
            driver = self.drivers.get(name)
            pins = driver.pins if driver else ()
            return {"driver": name} | {pin: typer.prompt(f"  its pin {pin}") for pin in pins}

        def take(entry: dict[str, Any]) -> dict[str, Any] | None:
            if not entry["driver"]:
                return None
            return plan.check_sensors([*chosen, entry], self.board, self.sources)[-1]

        sensor: dict[str, Any] | None = self._until_allowed(ask, take)
        return sensor

    def _ask_plain(self) -> bool:
        """Our hub reads `$batch`; where none was found another program may be what listens."""
        return typer.confirm(
            "Say each value on an MQTT topic of its own too, for other programs than the hub?",
            default=bool(self._default("plain", otherwise=False)),
        )

    def _ask_interval(self) -> int:
        def take(text: str) -> int:
            if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 2592000:
                raise PlanError("", f"{text!r} is not a number of seconds from 1 to 2592000")
            return int(text)

        default = str(self._default("interval", 300))
        return int(
            self._until_allowed(
                lambda: typer.prompt("Seconds between measurements", default=default), take
            )
        )
