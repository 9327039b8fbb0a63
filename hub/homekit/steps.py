"""What a controller may send as a step of pairing: TLV8 that is whole, with a step that is one.

HAP-python takes what it finds, answers everything else with 500, and logs a trace of it; HAP wants
400 for what cannot be read (specification 6.7.1.4), and kTLVError_Authentication in the step that
answers for what can be read and does not hold (5.6, 5.7).
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature, InvalidTag
from pyhap.hap_handler import HAP_TLV_STATES, HAP_TLV_TAGS

__all__ = ["PAIRING", "PAIRINGS", "UNPROVED", "VERIFYING", "answer_to"]

PAIRING = {
    HAP_TLV_STATES.M1: HAP_TLV_STATES.M2,
    HAP_TLV_STATES.M3: HAP_TLV_STATES.M4,
    HAP_TLV_STATES.M5: HAP_TLV_STATES.M6,
}
"""Each step of pair-setup that a controller sends, and the one that answers it."""

VERIFYING = {HAP_TLV_STATES.M1: HAP_TLV_STATES.M2, HAP_TLV_STATES.M3: HAP_TLV_STATES.M4}
"""Those of pair-verify."""

PAIRINGS = {HAP_TLV_STATES.M1: HAP_TLV_STATES.M2}
"""That of who asks for pairings."""

UNPROVED = (KeyError, ValueError, TypeError, IndexError, InvalidSignature, InvalidTag)
"""What HAP-python raises for members that are missing, or are no keys, names or proofs."""


def answer_to(body: bytes | bytearray | None, steps: Mapping[bytes, bytes]) -> bytes | None:
    """The step that answers a request; None for one that cannot be read."""
    sequence = _members(bytes(body or b"")).get(HAP_TLV_TAGS.SEQUENCE_NUM)
    return None if sequence is None else steps.get(sequence)


def _members(body: bytes) -> dict[bytes, bytes]:
    """The members of TLV8, those in pieces put together; empty where it is cut off."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(body):
        if at + 2 > len(body) or (end := at + 2 + body[at + 1]) > len(body):
            return {}
        tag = body[at : at + 1]
        found[tag] = found.get(tag, b"") + body[at + 2 : end]
        at = end
    return found
