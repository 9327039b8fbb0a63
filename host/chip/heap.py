"""How full MicroPython's heap is, read from the chip's memory: nothing of the firmware is asked."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from host.linked.checks import DRAM
from host.linked.elf import LinkedFile

__all__ = ["Heap", "read"]

_BLOCK = 16  # bytes: four words of the chip's
_BLOCKS_A_BYTE = 4  # in the allocation table: two bits each, 0 for a free one


@dataclass(frozen=True, slots=True)
class Heap:
    """Bytes that are free, and of how many; what a collection would free counts as used."""

    free: int
    size: int


def read(memory: bytes, linked: LinkedFile, start: int = DRAM) -> Heap | None:
    """The heap in a copy of DRAM from `start` on; None before MicroPython has made one.

    The allocation table lies at the heap's beginning, and the interpreter's state has its address
    and its length beside each other (mp_state_mem_t of py/mpstate.h).
    """
    heap, state = linked.symbols.get("heap"), linked.symbols.get("mp_state_ctx")
    if heap is None or state is None:
        return None
    words = memory[state.address - start :][: state.size & ~3]
    length = 0
    for at in range(0, len(words) - 4, 4):
        address, found = struct.unpack_from("<II", words, at)
        if address == heap.address and 0 < found * _BLOCKS_A_BYTE * _BLOCK <= heap.size:
            length = found
            break
    table = memory[heap.address - start :][:length]
    if not table:
        return None
    free = sum(not byte >> shift & 3 for byte in table for shift in (0, 2, 4, 6))
    return Heap(free * _BLOCK, length * _BLOCKS_A_BYTE * _BLOCK)
