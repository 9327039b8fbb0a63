"""The label of the device on a cable, asked at its prompt."""

from __future__ import annotations

from host.label.errors import LabelError
from host.label.label import Label
from host.label.store import LabelStore
from host.provision.device import BoardFacts, SerialDevice
from host.provision.repl import Repl

__all__ = ["keep", "read"]


def read(port: str, *, within: float) -> Label:
    """The label of the device on the port, which then restarts; remembered for sheets.

    `within` (s): how long it may take to show its prompt. Raises LabelError for firmware that is
    not ours, PortBusyError, NoPromptError, DeviceSaidError, LabelStoreError.
    """
    with Repl(port, within=within) as repl:
        facts = SerialDevice(repl).facts
        repl.restart()
    label = keep(facts)
    if label is None:
        raise LabelError(f"{facts.id} has no Dormouse firmware, so it opens no network")
    return label


def keep(facts: BoardFacts) -> Label | None:
    """A device's label, remembered for sheets; None without firmware. Raises LabelStoreError."""
    if facts.portal is None:
        return None
    label = Label(facts.id, *facts.portal)
    LabelStore().keep(label)
    return label
