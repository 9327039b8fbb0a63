"""How long an address is used: as long as the DHCP server lends it, and no longer."""

from __future__ import annotations

import pytest

from host.twin.vm import ASLEEP, Cause


def asked(board) -> list[str]:
    """What the DHCP server was asked, in order."""
    path = board.folder / "dhcp.log"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


async def asked_by_wakes(board, wakes: int) -> list[list[str]]:
    """What each of so many wakes asked."""
    found = []
    for _ in range(wakes):
        before = len(asked(board))
        assert (await board.wake()).status == ASLEEP
        found.append(asked(board)[before:])
    return found


async def test_a_lease_is_learnt_and_prolonged_long_before_its_end(make_board, admit):
    """An hour, wakes every 5 minutes: four fifths are used, and from half of them on it asks."""
    board = await admit(make_board())
    board.world["wifi"] |= {"lease_s": 3600, "dhcp_ms": 600}
    await board.wake(Cause.POWER)
    assert asked(board) == ["discover", "rebind"]
    board.world["wifi"]["dhcp_ms"] = 600_000  # DHCP's own way would cost the whole wake
    wakes = await asked_by_wakes(board, 16)
    # 1440 s of 2880 are over at the fifth wake, and again five wakes after the answer.
    assert [number for number, what in enumerate(wakes, 1) if what] == [5, 10, 15]
    assert {tuple(what) for what in wakes if what} == {("rebind",)}


@pytest.mark.parametrize("lease_s", [60, 120, 299])
async def test_a_lease_that_ends_before_the_next_wake_is_never_used_again(
    make_board, admit, ears, lease_s
):
    board = await admit(make_board())
    board.world["wifi"]["lease_s"] = lease_s
    await board.wake(Cause.POWER)
    assert asked(board) == ["discover", "rebind"]
    # Once known to be short it is not asked for at each wake.
    assert await asked_by_wakes(board, 3) == [["discover"]] * 3
    await ears.mark()
    assert set(ears.seqs(board)) == {1, 2, 3, 4}


async def test_a_short_lease_leads_to_the_address_that_is_lent_now(make_board, admit, ears):
    """Meanwhile the server gave the former one to somebody else."""
    board = await admit(make_board())
    board.world["wifi"] |= {"lease_s": 120, "host": 20}
    await board.wake(Cause.POWER)
    board.world["wifi"]["host"] = 21
    await board.wake()
    assert (board.folder / "dhcp.log").read_text().splitlines()[-1] == "discover 192.168.4.21"


async def test_a_server_that_says_nothing_is_asked_for_the_address_each_time(
    make_board, admit, ears
):
    board = await admit(make_board())
    board.world["wifi"]["rebinds"] = False
    await board.wake(Cause.POWER)
    assert asked(board) == ["discover", "rebind"]
    assert await asked_by_wakes(board, 2) == [["discover"]] * 2
    # Six hours later it is asked again: it may be another server by then.
    board.settings["interval"] = 6 * 3600
    await board.wake()
    for _ in range(20):  # a long sleep is a chain of them
        if asked(board)[-1] == "rebind":
            break
        await board.wake()
    assert asked(board)[-2:] == ["discover", "rebind"]


async def test_an_address_that_is_somebody_elses_is_given_up(make_board, admit, ears):
    """The router was started anew and has forgotten: asked to prolong, it refuses."""
    board = await admit(make_board())
    board.world["wifi"] |= {"lease_s": 3600, "host": 20}
    await board.wake(Cause.POWER)
    board.world["wifi"]["host"] = 21
    wakes = await asked_by_wakes(board, 6)
    assert wakes == [[], [], [], [], ["rebind"], ["discover", "rebind"]]
    assert (board.folder / "dhcp.log").read_text().splitlines()[-1] == "rebind 192.168.4.21"


async def test_a_server_that_is_away_is_asked_some_times_then_the_lease_is_over(make_board, admit):
    board = await admit(make_board())
    board.world["wifi"]["lease_s"] = 3600
    await board.wake(Cause.POWER)
    board.world["wifi"]["rebinds"] = False
    wakes = await asked_by_wakes(board, 10)
    assert wakes == [[]] * 4 + [["rebind"]] * 5 + [["discover", "rebind"]]


async def test_a_long_lease_is_not_trusted_for_its_whole_length(make_board, admit):
    """A router that was started anew may have forgotten whom it lent an address."""
    board = await admit(make_board(interval=1800))
    board.world["wifi"]["lease_s"] = 7 * 86400
    await board.wake(Cause.POWER)
    wakes = await asked_by_wakes(board, 8)
    assert [number for number, what in enumerate(wakes, 1) if what] == [6]


async def test_another_network_behind_the_same_name_costs_one_wake(make_board, admit, ears):
    board = await admit(make_board(deadline_ms=1500))
    await board.wake(Cause.POWER)
    board.world["wifi"]["subnet"] = "10.0.7"
    assert await asked_by_wakes(board, 2) == [[], ["discover", "rebind"]]
    await ears.mark()
    assert set(ears.seqs(board)) == {1, 2, 3}


async def test_the_answer_must_be_to_our_question(make_board):
    """Frames by hand: RFC 2131's fields, and what a stranger's or a damaged one has instead."""
    board = make_board()
    ended = await board.wake(typed=ANSWERS)
    assert ended.status == 0, ended.console
    assert ended.console.split() == ["fine"]


ANSWERS = """
from dormouse import lease
own, xid = b"\\xc0\\xa8\\x04\\x07", b"\\x01\\x02\\x03\\x04"
def packet(kind=5, seconds=b"\\0\\0\\x0e\\x10", to=xid, yours=own, ports=b"\\0\\x43\\0\\x44",
           options=None, ihl=5, op=2):
    if options is None:
        options = b"\\x35\\x01" + bytes([kind]) + b"\\0\\0\\x33\\x04" + seconds + b"\\xff"
    message = bytes([op]) + b"\\x01\\x06\\0" + to + bytes(8) + yours + bytes(216)
    message += b"\\x63\\x82\\x53\\x63" + options
    return bytes([0x40 | ihl]) + bytes(ihl * 4 - 1) + ports + bytes(4) + message
def answer(data):
    return lease._answer(data, xid, own)
assert answer(packet()) == 3600
assert answer(packet(ihl=6)) == 3600
assert answer(packet(seconds=b"\\xff\\xff\\xff\\xff")) == 0xffffffff
assert answer(packet(6, yours=bytes(4))) == 0
for other in (
    packet(2), packet(to=b"abcd"), packet(yours=b"\\xc0\\xa8\\x04\\x08"), packet(op=1),
    packet(ports=b"\\0\\x43\\0\\x43"), packet(seconds=bytes(4)), packet(options=b"\\xff"),
    packet(options=b"\\x35\\x01\\x05\\xff"), packet(options=b"\\x33"),
    packet(options=b"\\x35\\x05"), packet(options=b"\\x35\\x01\\x05\\x33\\x02\\0\\1\\xff"),
    b"", b"\\x45", packet()[:200], packet()[1:],
):
    assert answer(other) is None, other
for cut in range(len(packet())):
    assert answer(packet()[:cut]) in (None, 3600)
request = lease._request(xid, b"\\x5c\\xcf\\x7f\\0\\0\\1", own)
assert len(request) == 308
assert bytes(request[:8]) == b"\\0\\x44\\0\\x43\\x01\\x34\\0\\0"
assert bytes(request[8:12]) == b"\\x01\\x01\\x06\\0"
assert bytes(request[12:16]) == xid and bytes(request[20:24]) == own
assert bytes(request[24:36]) == bytes(12) and bytes(request[36:42]) == b"\\x5c\\xcf\\x7f\\0\\0\\1"
assert bytes(request[244:252]) == b"\\x63\\x82\\x53\\x63\\x35\\x01\\x03\\xff"
print("fine")
"""
