"""`dormouse provision`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from contracts.errors import DormouseError
from host import keys, serial_port
from host.errors import HostError
from host.provision import devices_file, labels, plan, work
from host.provision.answers import Answers
from host.provision.device import SerialDevice
from host.provision.devices_file import DeviceEntry
from host.provision.errors import AnswersError, NoTerminalError, ProvisionError
from host.provision.hub import LocalHub
from host.provision.plan import ProvisioningPlan
from host.provision.repl import Repl
from host.provision.wizard import Wizard
from host.sources import SourceOption, Sources, chosen

__all__ = ["mount"]

_INTERRUPTED = 130  # as a shell tells of Ctrl-C


def mount(app: typer.Typer) -> None:
    """Add `provision` to the command line."""
    app.command()(provision)


def provision(
    *,
    port: Annotated[
        str | None, typer.Option("--port", help="the serial port [the only one there is]")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="set up the devices that this file describes")
    ] = None,
    copy_firmware: Annotated[
        bool, typer.Option("--firmware", help="copy the compiled firmware to its filesystem too")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="forget earlier answers and ask everything again")
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="take updates signed with this key (PEM) only, from now on"),
    ] = None,
    plain: Annotated[
        bool | None,
        typer.Option(
            "--plain/--no-plain",
            help="say each value on an MQTT topic of its own too, for other programs than the hub",
        ),
    ] = None,
    within: Annotated[
        float, typer.Option(help="seconds that the board may take to show its prompt", min=1)
    ] = 30,
    source: SourceOption = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", envvar="DORMOUSE_DATA_DIR", help="the running hub's folder"),
    ] = None,
) -> None:
    """Set up a device over its USB cable: WiFi, hub, name, place, sensors; then hear from it."""
    console = Console(highlight=False)
    told: dict[str, object] = {} if plain is None else {"plain": plain}
    if key:
        told["ota_key"] = keys.load(key).name
    sources = chosen(source)
    with contextlib.ExitStack() as stack:
        hub = LocalHub.find(data_dir)
        if hub is not None:
            stack.enter_context(hub)
        if file is not None:
            _many(file, port, within, hub, console, told=told, sources=sources)
        elif sys.stdin.isatty():
            _one(
                port, within, hub, console, copy_firmware=copy_firmware, restart=restart,
                told=told, sources=sources,
            )  # fmt: skip
        else:
            raise NoTerminalError


def _one(
    port: str | None,
    within: float,
    hub: LocalHub | None,
    console: Console,
    *,
    copy_firmware: bool,
    restart: bool,
    told: Mapping[str, object],
    sources: Sources,
) -> None:
    """The wizard."""
    device_port = serial_port.choose(port)
    console.print(f"{device_port}: looking for the prompt (press reset if the device sleeps)")
    try:
        with Repl(device_port, within=within) as repl:
            device = SerialDevice(repl)
            answers = Answers(device.facts.id)
            if restart:
                answers.forget()
            console.print(f"{device.facts.id}, firmware {device.facts.firmware or 'none'}")
            wizard = Wizard(device, answers, hub, console, sources)
            chosen = _with(_ask_plan(wizard, answers), told)
            board = plan.check_board(chosen.board, sources)
            work.prepare(device, board, copy_firmware, console.print, sources)
            status = work.finish(device, chosen, board, hub, console.print, sources=sources)
            _print_outcome(console, device, status)
            answers.forget()
    except (typer.Abort, KeyboardInterrupt):
        console.print("\ninterrupted; the answers are saved: run it again to go on from here")
        raise typer.Exit(_INTERRUPTED) from None


def _with(chosen: ProvisioningPlan, told: Mapping[str, object]) -> ProvisioningPlan:
    """The plan with what the command line says: a key's fingerprint, plain values."""
    return chosen.model_copy(update=told)


def _ask_plan(wizard: Wizard, answers: Answers) -> ProvisioningPlan:
    try:
        return wizard.plan()
    except (ValidationError, TypeError, KeyError):
        raise AnswersError(
            f"{answers.path}: damaged: ask everything again with --restart"
        ) from None


def _many(
    file: Path,
    port: str | None,
    within: float,
    hub: LocalHub | None,
    console: Console,
    *,
    told: Mapping[str, object],
    sources: Sources,
) -> None:
    """Every device of the file; one that fails is told and the others go on."""
    entries = devices_file.load(file, hub.addresses[0] if hub else None, sources)
    failed = 0
    for number, entry in enumerate(entries, 1):
        console.print(f"{entry.called} ({number} of {len(entries)})", style="bold")
        try:
            device_port = _connected(entry, port, single=len(entries) == 1)
            with Repl(device_port, within=within) as repl:
                _set_up(SerialDevice(repl), entry, hub, console, told=told, sources=sources)
        except DormouseError as error:
            failed += 1
            typer.echo(f"dormouse: {entry.called}: {error}", err=True)
    if failed:
        raise ProvisionError(f"{failed} of {len(entries)} devices are not set up")


def _connected(entry: DeviceEntry, port: str | None, *, single: bool) -> str:
    """The port that the device is on, connected by hand one after the other if it must be."""
    if not entry.serial and not single and sys.stdin.isatty():
        typer.prompt(f"Connect {entry.called}, then Enter", default="", show_default=False)
    return serial_port.choose(entry.serial or port)


def _set_up(
    device: SerialDevice,
    entry: DeviceEntry,
    hub: LocalHub | None,
    console: Console,
    *,
    told: Mapping[str, object],
    sources: Sources,
) -> None:
    facts = device.facts
    if entry.id and entry.id != facts.id:
        raise ProvisionError(f"{device.repl.port} has {facts.id}, not {entry.id}")
    work.prepare(device, entry.board, entry.firmware, console.print, sources)
    device.join(entry.plan.wifi)
    device.reach(entry.plan.hub)
    desired = _with(entry.plan, told)
    status = work.finish(device, desired, entry.board, hub, console.print, sources=sources)
    _print_outcome(console, device, status)


def _print_outcome(console: Console, device: SerialDevice, status: dict[str, Any] | None) -> None:
    """What came of it; `status` is the device's entry in the hub's /status."""
    facts = device.facts
    if status is None:
        console.print(f"{facts.id} is set up; it enrols at its hub by itself")
    else:
        console.print(f"{facts.id} is set up and reports to the hub", style="green")
        for value in status["values"]:
            console.print(f"  {value['service']} {value['characteristic']}: {value['value']}")
        for problem in status["report"].get("problems", ()):
            console.print(f"  the device says: {problem}", style="red", markup=False)
    if facts.portal:
        name, password = facts.portal
        console.print(f"its own network, if you hold its button: {name}, password {password}")
    try:
        labels.keep(facts)
    except HostError as error:
        console.print(f"its label is not remembered: {error}", markup=False)
