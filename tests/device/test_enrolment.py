"""A device gets in on first use, within one wake."""

from __future__ import annotations

import asyncio
import json
import re

from host.twin.vm import ASLEEP, Cause


async def test_an_empty_device_is_enrolled_and_heard_in_one_wake(
    make_board, accounts, broker, ears, enrolments
):
    board = make_board(
        port=broker.endpoint.port, enrol_port=broker.enrol_endpoint[0].port, model="window sensor"
    )

    async def hub() -> None:
        while not enrolments:
            await asyncio.sleep(0.005)
        said = json.loads(enrolments[0].payload)
        await accounts.provision(said["id"], "home", said["password"])

    wake, _ = await asyncio.gather(board.wake(Cause.POWER), hub())
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
