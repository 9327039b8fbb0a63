"""A device gets in on first use, within one wake."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct

from host.twin.vm import ASLEEP, Cause


async def enrol(accounts, enrolments) -> None:
    """Give who asks first the account it asks for, as the hub does."""
    async with asyncio.timeout(60):
        while not enrolments:
            await asyncio.sleep(0.005)
    said = json.loads(enrolments[0].payload)
    await accounts.provision(said["id"], "home", said["password"])


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()


async def test_an_empty_device_is_enrolled_and_heard_in_one_wake(
    make_board, accounts, broker, ears, enrolments
):
    board = make_board(
        port=broker.endpoint.port, enrol_port=broker.enrol_endpoint.port, model="window sensor"
    )

    wake, _ = await asyncio.gather(board.wake(Cause.POWER), enrol(accounts, enrolments))
    assert wake.status == ASLEEP, wake.console
    await ears.mark()
    (enrolment,) = enrolments
    assert enrolment.topic == f"enrol/{board.id}"
    said = json.loads(enrolment.payload)
    assert said == {
        "id": board.id,
        "password": board.password,
        "model": "window sensor",
        "firmware": "0.1.0",
    }
    assert re.fullmatch("[0-9a-f]{32}", said["password"])
    assert ears.seqs(board) == [1]
    assert ears.reports(board)[0].model == "window sensor"
    # The password stays what it is.
    written = board.flash_writes
    await board.wake()
    assert board.password == said["password"]
    assert board.flash_writes == written
    assert len(enrolments) == 1


async def test_a_refusal_that_is_lost_in_a_reset_is_one(
    make_board, accounts, broker, ears, enrolments
):
    """As when the broker refuses CONNECT before it has read what came with it."""
    port_there = broker.endpoint.port

    async def first_resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not enrolments:
            await reader.read(1)
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.close()
            return
        reader_there, writer_there = await asyncio.open_connection("127.0.0.1", port_there)
        with contextlib.closing(writer), contextlib.closing(writer_there):
            await asyncio.wait(
                [
                    asyncio.create_task(pass_on(reader, writer_there)),
                    asyncio.create_task(pass_on(reader_there, writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )

    async with await asyncio.start_server(first_resets, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        board = make_board(port=port, enrol_port=broker.enrol_endpoint.port)
        board.password = "0123456789abcdef" * 2
        await asyncio.gather(board.wake(Cause.POWER), enrol(accounts, enrolments))
        await ears.mark()
    assert ears.seqs(board) == [1]
    assert len(enrolments) == 1


async def test_without_an_enrolment_listener_it_sleeps_and_keeps_its_readings(
    make_board, admit, ears, broker
):
    board = make_board(port=broker.endpoint.port, enrol_port=1, deadline_ms=3000)
    wake = await board.wake(Cause.POWER)
    assert wake.status == ASLEEP, wake.console
    password = board.password
    await admit(board)
    board.password, kept = password, board.password
    wake = await board.wake()
    assert wake.status == ASLEEP
    board.password = kept
    await board.wake()
    await ears.mark()
    assert ears.seqs(board) == [1, 2, 3]


async def test_two_devices_have_two_passwords(make_board):
    boards = [make_board(port=1), make_board(port=1)]
    await asyncio.gather(*(board.wake(Cause.POWER) for board in boards))
    assert boards[0].id != boards[1].id
    assert boards[0].password != boards[1].password
