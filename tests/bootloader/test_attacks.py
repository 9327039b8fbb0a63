"""What the OTA server drops: it is counted, and no byte of flash changes."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.ota import protocol
from tests.bootloader.conftest import Signer
from tests.bootloader.server import SLOT, Server, blank_flash
from tests.support.bootloader import NativeBootloader

TAKEN = 40  # datagrams of a session before the attack; the sector is 16 of them


def signed(signer: Signer, op: int, length: int, offset: int, rest: bytes) -> bytes:
    """A datagram with any header and any bytes after it, its signature right."""
    part = struct.pack("<HHI", op, length, offset) + rest
    return b"seq!" + part + protocol.sign(part, signer.key)


def cube_root(number: int) -> int:
    """The least x with x ** 3 >= number."""
    low, high = 0, 1 << (number.bit_length() // 3 + 2)
    while low < high:
        middle = (low + high) // 2
        if middle**3 < number:
            low = middle + 1
        else:
            high = middle
    return low


def forged_cubes(part: bytes, size: int) -> Iterator[tuple[str, bytes]]:
    """Signatures for exponent 3 made without the key, which lenient parsers take.

    The wanted block's beginning is followed by bytes that nobody may look at, which leaves room
    for a perfect cube (Bleichenbacher 2006); or the wanted end stands behind a short padding.
    """
    message = b"\0" + b"\1" * 16 + hashlib.sha1(part).digest()
    for filler in (1, 2, 8):
        head = b"\0\1" + b"\xff" * filler + message
        low = int.from_bytes(head.ljust(size, b"\0"), "big")
        root = cube_root(low)
        block = (root**3).to_bytes(size, "big")
        if block.startswith(head):
            yield f"garbage after {filler} of padding", root.to_bytes(size, "big")
    root = cube_root_suffix(message, 8 * size)
    if root is not None:
        yield "a suffix that is right", root.to_bytes(size, "big")
    yield "nothing", bytes(size)
    yield "one", (1).to_bytes(size, "big")


def cube_root_suffix(suffix: bytes, bits: int) -> int | None:
    """An x whose cube ends with the bytes, found bit by bit; odd suffixes have one."""
    wanted = int.from_bytes(suffix, "big")
    if wanted % 2 == 0:
        return None
    root = 1
    for bit in range(len(suffix) * 8):
        if (root**3 ^ wanted) >> bit & 1:
            root |= 1 << bit
    assert root.bit_length() <= bits
    assert (root**3 - wanted) % (1 << 8 * len(suffix)) == 0
    return root


class Attack:
    """A server in the middle of a session, whose flash must not change any more."""

    def __init__(self, server: Server, flash: Path, stream: protocol.SignedStream) -> None:
        self.server, self.flash, self.stream = server, flash, stream
        self.next = stream.data[TAKEN]
        self.before = flash.read_bytes()

    def dropped(self, datagrams: list[bytes]) -> dict[str, int]:
        """Send what must be dropped; the counts of what was not taken, after the end.

        The server answers in order, so that an answer to the datagram before says that all these
        have been looked at.
        """
        server = self.server
        for raw in datagrams:
            server.socket.send(raw)
            assert server.ask(self.stream.data[TAKEN - 1].raw) is not None
        assert self.flash.read_bytes() == self.before
        # The session goes on as if nothing had been.
        assert server.take(self.stream.data[TAKEN:])
        server.send([self.stream.end[0].raw])
        assert server.wait() == 0
        assert self.flash.read_bytes()[SLOT:][: self.stream.size] == self.stream.payload()
        known = {"accepted", "repeated", "finished", "flash-operations"}
        assert server.counts["repeated"] == len(datagrams)
        return {name: n for name, n in server.counts.items() if n and name not in known}


@pytest.fixture
def attack(
    native_bootloader: NativeBootloader,
    tmp_path: Path,
    small: Signer,
    small_stream: protocol.SignedStream,
) -> Iterator[Attack]:
    flash = blank_flash(tmp_path / "flash")
    with Server(native_bootloader.otaserver, flash, "--config", small.config) as server:
        assert server.take(small_stream.data[:TAKEN])
        yield Attack(server, flash, small_stream)


def test_replayed_and_reordered_datagrams(attack: Attack) -> None:
    old = [d.raw for d in attack.stream.data[: TAKEN - 1]]
    ahead = [d.raw for d in attack.stream.data[TAKEN + 1 :]]
    order = random.Random(8266)
    mixed = old + ahead
    order.shuffle(mixed)
    assert attack.dropped(mixed) == {"old": len(old), "ahead": len(ahead)}


def test_another_content_for_the_last_datagram(attack: Attack, small: Signer) -> None:
    offset = attack.stream.data[TAKEN - 1].offset
    other = signed(small, 0, 248, offset, b"other".ljust(248, b"\0"))
    assert attack.dropped([other]) == {"old": 1}


def test_a_recorded_end_does_not_cut_a_session_short(attack: Attack) -> None:
    ends = [d.raw for d in attack.stream.end]
    assert attack.dropped(ends) == {"early-end": 3}


def test_truncated_and_over_long_datagrams(attack: Attack) -> None:
    raw = attack.next.raw
    lengths = [0, 1, 3, 4, 11, 12, 19, 20, 83, 84, *range(85, len(raw), 7), len(raw) - 1]
    cut = [raw[:length] for length in lengths]
    grown = [raw + b"\0" * more for more in (1, 15, 16, 4096, 60000)]
    counts = attack.dropped(cut + grown)
    assert set(counts) <= {"malformed", "forged"}
    assert sum(counts.values()) == len(cut) + len(grown)


def test_lengths_that_lie_although_signed(attack: Attack, small: Signer) -> None:
    offset = attack.next.offset
    lies = [
        signed(small, 0, length, offset, b"\0" * room)
        for length, room in (
            (256, 8),
            (1, 264),
            (65535, 264),
            (257, 264 - 16),
            (264, 264 + 16),
            (1, 24),
        )
    ]
    assert attack.dropped(lies) == {"malformed": len(lies)}


def test_padding_and_operations_that_are_not_the_protocols(attack: Attack, small: Signer) -> None:
    offset = attack.next.offset
    wrong = [
        signed(small, 0, 7, offset, b"content" + b"\1"),
        signed(small, 1, 8, offset, b"contents"),
        signed(small, 0x100, 8, offset, b"contents"),
    ]
    assert attack.dropped(wrong) == {"malformed": len(wrong)}


def test_forged_cubes(attack: Attack, small: Signer) -> None:
    size = small.key.bits // 8
    forged = []
    for word in range(32):  # of every second the digest is odd, which the suffix needs
        part = struct.pack("<HHIII", 0, 8, attack.next.offset, word, 0)
        forged += [
            b"seq!" + part + signature
            for _, signature in forged_cubes(part, size)
            if int.from_bytes(signature, "big") < int.from_bytes(small.key.modulus, "big")
        ]
    assert attack.dropped(forged) == {"forged": len(forged)}


def test_forged_cubes_would_pass_a_lenient_parser() -> None:
    """The forgeries are good ones: with 2048 bits a parser that stops at the digest takes them."""
    part, size = b"\0" * 16, 256
    message = b"\1" * 16 + hashlib.sha1(part).digest()
    blocks = {
        how: (int.from_bytes(signature, "big") ** 3).to_bytes(size * 4, "big")[-size:]
        for how, signature in forged_cubes(part, size)
    }
    padding, rest = blocks["garbage after 8 of padding"][2:].split(b"\0", 1)
    assert padding == b"\xff" * 8
    assert rest.startswith(message)
    assert rest != message


def test_forged_cubes_against_2048_bits(
    native_bootloader: NativeBootloader, tmp_path: Path, signer: Signer
) -> None:
    flash = blank_flash(tmp_path / "flash")
    before = flash.read_bytes()
    part = struct.pack("<HHI", 0, 8, 0) + b"evilevil"
    forged = [b"seq!" + part + signature for _, signature in forged_cubes(part, 256)]
    assert len(forged) >= 4
    with Server(native_bootloader.otaserver, flash, "--config", signer.config) as server:
        server.send(forged)
        # What is answered next comes after them.
        server.ask(signed(signer, 0, 8, 0, b"contents"))
        counts = server.stop()
    assert (counts["forged"], counts["accepted"]) == (len(forged), 1)
    assert flash.read_bytes() == before


def test_every_byte_of_the_block_counts(attack: Attack, small: Signer) -> None:
    """Blocks that the key's owner signed, each with one byte wrong."""
    size, secret = small.key.bits // 8, small.key.private.private_numbers()
    modulus = secret.public_numbers.n
    part = attack.next.raw[4:-size]
    message = b"\0" + b"\1" * 16 + hashlib.sha1(part).digest()
    block = (b"\0\1" + b"\xff" * size)[: size - len(message)] + message
    raw_sign = [
        pow(int.from_bytes(wrong, "big"), secret.d, modulus).to_bytes(size, "big")
        for at in range(1, size)
        for wrong in (block[:at] + bytes([block[at] ^ 4]) + block[at + 1 :],)
    ]
    assert len(raw_sign) == 63
    assert attack.dropped([b"seq!" + part + s for s in raw_sign]) == {"forged": 63}


def test_signatures_that_are_equal_modulo_n(attack: Attack, small: Signer) -> None:
    raw = attack.next.raw
    size = small.key.bits // 8
    modulus = int.from_bytes(small.key.modulus, "big")
    bigger = int.from_bytes(raw[-size:], "big") + modulus
    wrong = [raw[:-size] + small.key.modulus]
    if bigger < 1 << 8 * size:
        wrong.append(raw[:-size] + bigger.to_bytes(size, "big"))
    assert attack.dropped(wrong) == {"forged": len(wrong)}


def test_a_foreign_key(
    native_bootloader: NativeBootloader,
    tmp_path: Path,
    signer: Signer,
    stranger: Signer,
    plain: bytes,
) -> None:
    flash = blank_flash(tmp_path / "flash")
    before = flash.read_bytes()
    stream = protocol.build(plain[:8192], stranger.key)
    with Server(native_bootloader.otaserver, flash, "--config", signer.config) as server:
        server.send([stream.data[0].raw] * 20 + [d.raw for d in stream.end])
        assert server.ask(signed(signer, 0, 8, 0, b"contents")) is not None
        counts = server.stop()
    assert (counts["forged"], counts["early-end"]) == (20, 3)
    assert flash.read_bytes() == before


@pytest.mark.parametrize("data_size", [256, 1000, 8192])
def test_an_image_larger_than_the_slot_stops_at_its_end(
    native_bootloader: NativeBootloader, tmp_path: Path, small: Signer, data_size: int
) -> None:
    flash = blank_flash(tmp_path / "flash")
    slot = 0xA000  # a short slot: the image is over it soon
    datagrams = []
    for offset in range(0, slot + data_size, data_size):
        rest = bytes(data_size) + bytes(-(8 + data_size) % 16)
        datagrams.append(signed(small, 0, data_size, offset, rest))
    taken = slot // data_size
    arguments = ("--config", small.config, "--slot", f"{SLOT}:{slot}")
    with Server(native_bootloader.otaserver, flash, *arguments) as server:
        for raw in datagrams[:taken]:
            assert server.ask(raw) is not None
        server.send([datagrams[taken]] * 5)
        assert server.ask(datagrams[taken - 1]) is not None
        counts = server.stop()
    assert counts["too-large"] == 5
    content = flash.read_bytes()
    assert content[:SLOT] == b"\xff" * SLOT
    assert set(content[SLOT + slot :]) == {0xFF}
