"""Whose a message is. Pure."""

from __future__ import annotations

from contracts import messages

__all__ = ["device_of"]


def device_of(message: messages.Message | messages.Problem) -> str | None:
    """Whose message it is; None for an enrolment (not authenticated) and a problem."""
    match message:
        case messages.StateValue() | messages.AccessoryRemoval():
            return message.series.device
        case (
            messages.Batch()
            | messages.Report()
            | messages.OtaState()
            | messages.Online()
            | messages.ServiceRemoval()
        ):
            return message.device
    return None
