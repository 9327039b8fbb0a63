"""Making a device what its plan says, and waiting until it reports to the hub."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contracts import resources
from host import firmware
from host.boards import Board
from host.provision import plan
from host.provision.device import SerialDevice
from host.provision.errors import NoFirmwareError
from host.provision.hub import LocalHub
from host.provision.plan import ProvisioningPlan
from host.sources import INSTALLED, Sources

__all__ = ["FIRST_REPORT_S", "finish", "prepare"]

FIRST_REPORT_S = 60.0
"""A first wake with enrolment, DHCP and a slow sensor takes 10 s; sleeping again and the next
wake's second try would take an interval, for which nobody waits."""

# Of what lies on the device already, this stays unless the plan says it: which of the hub's wishes
# it has applied, who reads its values, and whose updates it takes.
_PRESERVED = ("brokers", "config", "deadline_ms", "ota_key", "plain")

Say = Callable[[str], None]


def prepare(
    device: SerialDevice, board: Board, copy: bool, say: Say, sources: Sources = INSTALLED
) -> None:
    """See to it that firmware is on the device; `copy` puts that of the sources there.

    Raises NoFirmwareError, FirmwareBuildError, DeviceSaidError.
    """
    if not copy:
        if not device.facts.firmware:
            raise NoFirmwareError(device.facts.id)
        return
    with tempfile.TemporaryDirectory() as folder:
        version = resources.release()
        firmware.compile_firmware(Path(folder), version, board.id, sources.firmware)
        say(f"copying firmware {version}")
        device.install(Path(folder), lambda _done, _all: None)


def finish(
    device: SerialDevice,
    desired: ProvisioningPlan,
    board: Board,
    hub: LocalHub | None,
    say: Say,
    *,
    sources: Sources = INSTALLED,
) -> dict[str, Any] | None:
    """Account, settings, place, restart, first report: the device's entry in the hub's /status.

    None without a hub here that it reports to: then it enrols by itself, and nobody waits. The
    WiFi has been tried. Raises PlanError, EndpointRefusedError, NotHeardError, DeviceSaidError.
    """
    facts = device.facts
    preserved = {name: facts.settings[name] for name in _PRESERVED if name in facts.settings}
    settings = preserved | plan.settings(desired, board, sources)
    ours = hub if hub and hub.is_at(desired.hub) else None
    password = ours.admit(facts.id, facts.password) if ours else ""
    if ours is None and desired.place:
        settings["place"] = desired.place  # the hub that it enrols at puts it there
    device.configure(settings, password)
    if ours and desired.place:
        ours.put(facts.id, desired.place)
    say(f"{facts.id} has its settings and restarts")
    since = ours.seen(facts.id) if ours else None
    device.repl.restart()
    if ours is None:
        return None
    say(f"waiting for its first report (up to {FIRST_REPORT_S:g} s)")
    return ours.first_report(facts.id, since, FIRST_REPORT_S, device.repl.overheard)
