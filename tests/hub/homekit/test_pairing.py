"""Pair-setup and Identify as a controller does them, several controllers at the same time."""

from __future__ import annotations

import asyncio
import json
import random

import pytest
from aiohomekit.exceptions import (
    AuthenticationError,
    BusyError,
    MaxTriesError,
    UnavailableError,
)
from aiohomekit.protocol import perform_pair_setup_part1, perform_pair_setup_part2
from aiohomekit.protocol.tlv import TLV

from contracts.homekit.definitions import CHARACTERISTICS, INFORMATION
from tests.hub.homekit.test_writes import Report
from tests.support import seeds
from tests.support.controller import Phone, Refused, is_type

NO_PROOF = [(TLV.kTLVType_State, TLV.M3), (TLV.kTLVType_PublicKey, b"\1" * 384),
            (TLV.kTLVType_Proof, b"\0" * 64)]  # fmt: skip


class Line:
    """A plain HTTP connection to the bridge, as one that is not paired has it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, home, address: str = "127.0.0.1", port: int = 0) -> Line:
        port = port or home.bridge.pairings()[0].port
        return cls(*await asyncio.open_connection(address, port))

    async def post(self, path: str, body: bytes = b"") -> tuple[int, bytes]:
        head = f"POST {path} HTTP/1.1\r\nHost: bridge\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        async with asyncio.timeout(60):
            lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
            answer = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return int(lines[0].split()[1]), answer

    def close(self) -> None:
        self._writer.close()


class Setup:
    """One controller's pair-setup, a message at a time (aiohomekit makes the messages)."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.steps = perform_pair_setup_part1()
        self.request, self.expected = self.steps.send(None)
        self.found = None

    async def step(self) -> bool:
        """Send the next message; True while there is another. Raises aiohomekit's errors."""
        status, answer = await self.line.post("/pair-setup", TLV.encode_list(self.request))
        assert status == 200
        response = TLV.decode_bytes(answer, expected=self.expected)
        try:
            self.request, self.expected = self.steps.send(response)
        except StopIteration as end:
            self.found = end.value
            return False
        return True

    def go_on(self, pin: str, name: str) -> None:
        """The person has typed the code."""
        self.steps = perform_pair_setup_part2(pin, name, *self.found)
        self.request, self.expected = self.steps.send(None)


@pytest.fixture
async def lines(home):
    opened: list[Line] = []

    async def make() -> Line:
        opened.append(await Line.to(home))
        return opened[-1]

    yield make
    for line in opened:
        line.close()


FIRST = "6A1C4E5B-0000-4000-8000-000000000001"
SECOND = "6A1C4E5B-0000-4000-8000-000000000002"


async def test_one_controller_pairs_at_a_time(home, lines):
    pin = home.bridge.pairings()[0].pin
    first, second = Setup(await lines()), Setup(await lines())
    assert not await first.step()
    with pytest.raises(BusyError):
        await second.step()
    first.go_on(pin, FIRST)
    assert await first.step(), "M3 and M4: the code is right, whoever else tried"
    with pytest.raises(BusyError):
        await Setup(await lines()).step()
    assert not await first.step(), "M5 and M6: paired"
    assert home.bridge.pairings()[0].controllers == (FIRST.lower(),)
    assert first.found["AccessoryPairingID"] == home.state.bridges[0].mac
    with pytest.raises(UnavailableError):
        await Setup(await lines()).step()


async def test_two_phones_at_once(home):
    """As two people with one code: one is paired, and neither is told that the code is wrong."""
    found = await asyncio.gather(home.phone(), home.phone(), return_exceptions=True)
    told = [type(one) for one in found]
    assert told.count(Phone) == 1, found
    assert set(told) <= {Phone, BusyError, UnavailableError}
    home.bridge.unpair()
    await home.phone()


async def test_who_hangs_up_makes_room(home, lines):
    pin = home.bridge.pairings()[0].pin
    first, line = Setup(await lines()), await lines()
    await first.step()
    first.line.close()
    await home.shown(lambda bridge: not bridge.tree.drivers[0].pair_setup.busy)
    second = Setup(line)
    assert not await second.step()
    second.go_on(pin, SECOND)
    assert await second.step()
    assert not await second.step()


async def test_who_says_nothing_makes_room_once_another_comes(home, lines):
    setup = home.bridge.tree.drivers[0].pair_setup
    now = [0.0]
    setup.clock = lambda: now[0]
    pin = home.bridge.pairings()[0].pin
    first, second = Setup(await lines()), Setup(await lines())
    await first.step()
    now[0] = 3600.0
    first.go_on(pin, FIRST)
    assert await first.step(), "an hour for the code, and nobody else came"
    now[0] += 61
    assert not await second.step()
    with pytest.raises(BusyError):
        await first.step()
    second.go_on(pin, SECOND)
    assert await second.step()
    assert not await second.step()
    assert home.bridge.pairings()[0].controllers == (SECOND.lower(),)


async def test_who_only_begins_again_and_again_keeps_nobody_waiting_for_ever(home, lines):
    setup = home.bridge.tree.drivers[0].pair_setup
    now = [0.0]
    setup.clock = lambda: now[0]
    first, second = await lines(), await lines()
    for now[0] in (0.0, 50.0):
        assert not await Setup(first).step()
        with pytest.raises(BusyError):
            await Setup(second).step()
    now[0] = 61.0
    assert not await Setup(second).step()
    with pytest.raises(BusyError):
        await Setup(first).step()


async def test_a_wrong_code_makes_room(home, lines):
    pin = home.bridge.pairings()[0].pin
    wrong, right = Setup(await lines()), Setup(await lines())
    await wrong.step()
    wrong.go_on("111-22-333", SECOND)
    with pytest.raises(AuthenticationError):
        await wrong.step()
    assert not await right.step()
    right.go_on(pin, FIRST)
    assert await right.step()
    assert not await right.step()


async def _fail(line):
    """A first step, and a proof that is none: as quick as guessing can be."""
    setup = Setup(line)
    await setup.step()
    status, answer = await line.post("/pair-setup", TLV.encode_list(NO_PROOF))
    assert status == 200
    assert dict(TLV.decode_bytes(answer))[TLV.kTLVType_Error] == TLV.kTLVError_Authentication


async def test_a_proof_counts_once_and_needs_another_first_step(home, lines):
    line = await lines()
    await _fail(line)
    for _ in range(3):
        _, answer = await line.post("/pair-setup", TLV.encode_list(NO_PROOF))
        assert dict(TLV.decode_bytes(answer))[TLV.kTLVType_Error] == TLV.kTLVError_Authentication
    await home.shown(lambda _: home.state.bridges[0].failed_pairings == 1)


async def test_a_hundred_wrong_codes_over_restarts(home, lines, caplog):
    pin = home.bridge.pairings()[0].pin
    await _fail(await lines())
    await home.restart()
    await _fail(await lines())
    await home.shown(lambda _: home.state.bridges[0].failed_pairings == 2)
    # As if it had been told 96 more.
    kept = home.state.bridges[0]
    await home.bridge.stop()
    home.state.bridges[0] = kept.model_copy(update={"failed_pairings": 98})
    await home.restart()
    await _fail(await lines())
    assert not home.bridge.pairings()[0].locked
    await _fail(await lines())
    assert "100 wrong codes" in caplog.text
    assert "dormouse homekit unlock" in caplog.text
    for _ in range(2):
        assert home.bridge.pairings()[0].locked
        with pytest.raises(MaxTriesError):
            await Setup(await lines()).step()
        await home.restart()
    assert home.bridge.unlock() == 1
    assert home.bridge.unlock() == 0
    await home.restart()
    assert home.bridge.pairings()[0].pin == pin
    await home.phone()


@pytest.mark.parametrize(
    "framing",
    ["Content-Length: 10000000000", "Transfer-Encoding: chunked"],
    ids=["length", "chunks"],
)
async def test_a_stranger_s_request_without_end_is_cut_off(home, framing):
    _, writer = await asyncio.open_connection("127.0.0.1", home.bridge.pairings()[0].port)
    writer.write(f"POST /pair-setup HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode())
    piece = b"4000\r\n" + b"x" * 0x4000 + b"\r\n" if "chunked" in framing else b"x" * 0x4000
    sent = 0
    with pytest.raises(ConnectionError):
        while sent < 50_000_000:
            writer.write(piece)
            await writer.drain()
            sent += len(piece)
    assert sent < 20_000_000  # what both sides' sockets hold
    writer.close()
    await home.phone()


async def test_first_steps_are_paced_by_address(home, lines):
    """Each is 15 ms of computing."""
    line = await lines()
    answers = [await line.post("/pair-setup", b"\0\1\0\6\1\1") for _ in range(30)]
    errors = [dict(TLV.decode_bytes(answer)).get(TLV.kTLVType_Error) for _, answer in answers]
    assert errors == [None] * 20 + [TLV.kTLVError_Busy] * 10
    line.close()
    other = Setup(await lines())
    with pytest.raises(BusyError):
        await other.step()


def tlv8(*members: tuple[int, bytes]) -> bytes:
    return b"".join(bytes([tag, len(value)]) + value for tag, value in members)


# HAP specification 6.7.1.4: what cannot be read is a bad request. State is the type 6.
UNREADABLE = [
    b"", b"\x06", b"\x06\x01", b"\x06\x02\x01", b"\x06\xff\x01", b"\x00" * 7,
    tlv8((6, b"")), tlv8((6, b"\x01\x01")), tlv8((6, b"\x02")), tlv8((6, b"\x63")),
    tlv8((6, b"\x01"))[:-1], tlv8((3, bytes(32))), tlv8((6, b"\x01"), (6, b"\x01")),
    tlv8((6, b"\x03")) + b"\x04", b"{}", b"\xff" * 5000,
]  # fmt: skip
# And what is read, and proves nothing: refused in the step that answers it.
WRONG = [
    tlv8((6, b"\x03")), tlv8((6, b"\x03"), (5, b"")), tlv8((6, b"\x03"), (5, bytes(15))),
    tlv8((6, b"\x03"), (5, bytes(200))), tlv8((6, b"\x03"), (3, bytes(32)), (4, bytes(64))),
]  # fmt: skip
UNVERIFIED = [*WRONG, *(tlv8((6, b"\x01"), (3, bytes(size))) for size in (0, 1, 31, 32, 33, 255))]


async def test_what_cannot_be_read_is_a_bad_request_and_no_line_of_log(home, lines, caplog):
    line = await lines()
    for body in UNREADABLE:
        for path in ("/pair-setup", "/pair-verify"):
            assert (await line.post(path, body))[0] == 400, (path, body[:20])
    for path in ("/nowhere", "/pair-setup/", "/../accessories", "/characteristics"):
        assert (await line.post(path))[0] == 404
    status, answer = await line.post("/pairings", UNREADABLE[1])
    assert status == 200
    assert dict(TLV.decode_bytes(answer))[TLV.kTLVType_Error] == TLV.kTLVError_Authentication
    assert [r for r in caplog.records if r.name.startswith("pyhap")] == []


async def test_what_proves_nothing_is_refused_in_its_step(home, lines, caplog):
    await home.phone()
    rng = random.Random(seeds.seed())
    garbage = [tlv8((6, b"\x03"), (5, rng.randbytes(rng.randrange(255)))) for _ in range(50)]
    line = await lines()
    for body in UNREADABLE:
        assert (await line.post("/pair-verify", body))[0] == 400, body[:20]
    for body in (*UNVERIFIED, *garbage):
        status, answer = await line.post("/pair-verify", body)
        assert status == 200, body[:20]
        told = dict(TLV.decode_bytes(answer))
        assert told[TLV.kTLVType_Error] == TLV.kTLVError_Authentication
        assert told[TLV.kTLVType_State] == bytes([body[2] + 1])
    assert [r for r in caplog.records if r.name.startswith("pyhap")] == []


async def test_a_pairing_takes_the_wrong_codes_before_it_back(home, lines):
    line = await lines()
    for _ in range(3):
        await _fail(line)
    await home.phone()
    await home.shown(lambda _: bool(home.state.bridges[0].pairings))
    assert home.state.bridges[0].failed_pairings == 0


@pytest.mark.parametrize(
    "request_",
    [
        NO_PROOF,
        [(TLV.kTLVType_State, TLV.M5), (TLV.kTLVType_EncryptedData, b"\0" * 32)],
    ],
)  # fmt: skip
async def test_a_step_without_the_one_before_is_refused(home, lines, request_):
    other = Setup(await lines())
    await other.step()
    line = await lines()
    status, answer = await line.post("/pair-setup", TLV.encode_list(request_))
    assert status == 200
    told = dict(TLV.decode_bytes(answer))
    assert told[TLV.kTLVType_Error] == TLV.kTLVError_Authentication
    assert told[TLV.kTLVType_State] == bytes([request_[0][1][0] + 1])
    assert home.bridge.pairings()[0].controllers == ()


async def test_identify_before_and_after_pairing(home, lines, caplog):
    caplog.set_level("INFO", "hub.homekit")
    line = await lines()
    assert await line.post("/identify") == (204, b"")
    assert "Dormouse is asked to identify itself" in caplog.text
    await home.phone()
    status, answer = await line.post("/identify")
    assert (status, json.loads(answer)) == (400, {"status": -70401})


async def test_identify_of_the_bridge_when_paired(home, caplog):
    caplog.set_level("INFO", "hub.homekit")
    phone = await home.phone()
    [bridge] = await phone.tree()
    assert bridge["aid"] == 1
    information = next(s for s in bridge["services"] if s["iid"] == 1)
    identify, name = (
        next(c["iid"] for c in information["characteristics"] if is_type(c, kind.uuid))
        for kind in (CHARACTERISTICS["Identify"], CHARACTERISTICS["Name"])
    )
    await phone.write((1, identify), True)
    assert "Dormouse is asked to identify itself" in caplog.text
    with pytest.raises(Refused) as refused:
        await phone.write((1, identify), "now")
    assert refused.value.status == -70410
    with pytest.raises(Refused) as refused:
        await phone.write((1, name), "Mouse")
    assert refused.value.status == -70404, "its name is not to be written"


async def test_identify_of_a_device_is_handed_on(home):
    home.say("lamp/Lightbulb/On", "0")
    phone = await home.phone()
    place = await phone.wait_for("lamp", INFORMATION, "Identify")
    await phone.write(place, True)
    key, text = await home.sent.get()
    assert (key.device, key.characteristic, text) == ("lamp", "Identify", "1")


async def test_identify_does_not_wait_for_a_sleeper(home):
    kept = []

    async def desired(key, text):
        kept.append((key, text))

    home.options["desired"] = desired
    await home.restart()
    home.say("valve/Switch/On", "0")
    home.bridge.report("valve", Report(next_wake_s=300), live=True)
    phone = await home.phone()
    place = await phone.wait_for("valve", INFORMATION, "Identify")
    with pytest.raises(Refused) as refused:
        await phone.write(place, True)
    assert refused.value.status == -70402
    switch = await phone.wait_for("valve", "Switch", "On")
    await phone.write(switch, True)
    await home.shown(lambda _: len(kept) == 1)
    assert kept[0][0].characteristic == "On"
