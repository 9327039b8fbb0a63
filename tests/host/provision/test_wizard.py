"""`dormouse provision` in a real terminal, with the VM on the port and a real hub."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from pathlib import Path

import pexpect
import pytest

from tests.support.hub import HubProcess, rows

ROOT = Path(__file__).resolve().parents[3]
KEY = "rosebud 1941"
# A busy machine starts Python and the VM in some seconds.
PATIENCE_S = 60


class Terminal:
    """The command in a terminal; blocking calls beside the loop that is board and hub."""

    def __init__(self, board, hub: HubProcess | None, state: Path, *arguments: str) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
        environment |= {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(state), "TERM": "dumb"}
        environment |= {"DORMOUSE_DATA_DIR": str(hub.data_dir)} if hub else {}
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "host", "provision", "--port", board.port, *arguments],
            env=environment, cwd=ROOT, timeout=PATIENCE_S, dimensions=(50, 200),
            # The terminal echoes ^C even within a character.
            encoding="utf-8", codec_errors="replace",
        )  # fmt: skip

    async def see(self, text: str) -> str:
        """Wait until it shows a text; what it showed before."""
        await asyncio.to_thread(self.child.expect_exact, text)
        return self.child.before

    async def answer(self, question: str, *lines: str) -> None:
        await self.see(question)
        for line in lines:
            self.child.sendline(line)

    async def secret(self, question: str, line: str) -> None:
        """Answer what is not to be shown, once the terminal does not show it."""
        await self.see(question)
        await asyncio.to_thread(self.child.waitnoecho)
        self.child.sendline(line)

    async def end(self) -> tuple[int, str]:
        """Exit status and the last that it showed."""
        await asyncio.to_thread(self.child.expect, pexpect.EOF)
        await asyncio.to_thread(self.child.close)
        return self.child.exitstatus, self.child.before


@pytest.fixture
def terminal(tmp_path):
    """Opens terminals: `terminal(board, hub)`."""
    opened = []

    def make(board, hub, *arguments):
        opened.append(Terminal(board, hub, tmp_path / "state", *arguments))
        return opened[-1]

    yield make
    for one in opened:
        one.child.close(force=True)


def kept(tmp_path: Path, board) -> Path:
    return tmp_path / "state" / "dormouse" / "provision" / f"{board.id}.json"


async def test_interrupted_resumed_and_heard_by_the_hub(make_prompt_board, hub, terminal, tmp_path):
    board = await make_prompt_board(onewire_pin=14)
    first = terminal(board, hub)
    await first.answer("Board [nodemcu]:", "d7-mini")
    await first.see("there is no board 'd7-mini' here")
    await first.answer("Board [nodemcu]:", "d1-mini")
    await first.answer("The hub's address [127.0.0.1]:", "")
    await first.answer("WiFi network (number or name) [house]:", "1")
    await first.secret("Password of house", KEY)
    await first.see("reaches the hub")
    await first.see("Name of the device")
    first.child.sendintr()
    status, said = await first.end()
    assert status == 130
    assert "the answers are saved" in said
    answers = kept(tmp_path, board)
    assert stat.S_IMODE(answers.stat().st_mode) == 0o600
    assert stat.S_IMODE(answers.parent.stat().st_mode) == 0o700
    assert not (board.flash / "settings.json").exists()

    second = terminal(board, hub)
    before = await second.see("Name of the device")
    assert "going on where you were" in before
    assert "Password of" not in before
    second.child.sendline("Kitchen")
    await second.answer("Place", "House / Kitchen")
    await second.answer(
        "Use BME280 (temperature, humidity, air pressure) 0x76 on D1 (GPIO5), D2", ""
    )
    await second.answer("Use DS18B20 (temperature) 28ff641e8d3c0cda on D5 (GPIO14)?", "")
    await second.answer("Report the battery's level?", "")
    await second.answer("Another sensor", "dht22")
    await second.answer("its pin pin", "D9")
    await second.see("Wemos D1 mini has no pin 'D9'; allowed: ")
    await second.answer("Another sensor", "dht22")
    await second.answer("its pin pin", "D6")
    await second.answer("Another sensor", "")
    await second.answer("Seconds between measurements [300]:", "60")
    await second.see("reports to the hub")
    status, said = await second.end()
    assert status == 0, said
    assert "TemperatureSensor CurrentTemperature: 20.5" in said
    assert not answers.exists()
    for one in (first, second):
        assert KEY not in str(one.child.args)

    assert board.settings == {
        "ssid": "house",
        "key": KEY,
        "host": "127.0.0.1",
        "port": hub.facts["mqtt_port"],
        "enrol_port": hub.facts["enrol_port"],
        "name": "Kitchen",
        "model": "sensor",
        "interval": 60,
        "sensors": [
            {"driver": "bme280", "scl": 5, "sda": 4, "address": 0x76},
            {"driver": "ds18b20", "pin": 14, "rom": "28ff641e8d3c0cda"},
            {"driver": "battery", "scale_mv": 3200},
            {"driver": "dht22", "pin": 12},
        ],
    }
    await board.asleep()

    (device,) = (await hub.status())["devices"]
    assert device["id"] == board.id
    # It knew its password: no trust on first use.
    assert "problems" not in device["report"]
    assert await rows(
        hub,
        "SELECT p.name, o.name FROM dormouse.device d JOIN dormouse.place p ON p.id = d.location_id"
        " JOIN dormouse.place o ON o.id = p.parent_id WHERE d.key = %s",
        board.id,
    ) == [("Kitchen", "House")]
    assert await rows(hub, "SELECT count(*) FROM dormouse.reading") != [(0,)]


async def test_a_wrong_password_three_times(make_prompt_board, terminal, tmp_path):
    board = await make_prompt_board()
    one = terminal(board, None)
    await one.answer("Board [nodemcu]:", "")
    await one.answer("The hub's address", "192.168.1.7")
    await one.answer("WiFi network (number or name) [house]:", "")
    shown = ""
    for wrong in ("wrong one 1", "wrong one 2", "wrong one 3"):
        shown += await one.see("Password of house")
        await asyncio.to_thread(one.child.waitnoecho)
        one.child.sendline(wrong)
    status, said = await one.end()
    assert status == 65
    (line,) = [line for line in said.splitlines() if line.startswith("dormouse:")]
    assert line.endswith("the other answers are saved: run the command again with the right one")
    assert "the password of 'house' was wrong three times" in line
    assert "wrong one" not in shown + said
    answers = json.loads(kept(tmp_path, board).read_text())
    assert answers["ssid"] == "house"
    assert "key" not in answers
    assert not (board.flash / "settings.json").exists()
    again = terminal(board, None)
    before = await again.see("Password of house")
    assert "Board" not in before


async def test_damaged_answers(make_prompt_board, terminal, tmp_path):
    board = await make_prompt_board()
    path = kept(tmp_path, board)
    path.parent.mkdir(parents=True)
    steps = ("ssid", "key", "name", "place", "switch", "sensors", "interval")
    path.write_text(json.dumps({"board": "nodemcu", "hub": 3} | dict.fromkeys(steps, 5)))
    one = terminal(board, None)
    # That alone was not answered yet: no hub runs here, so other programs may listen.
    await one.answer("Say each value on an MQTT topic of its own too", "")
    status, said = await one.end()
    assert status == 69
    assert f"dormouse: {path}: damaged: ask everything again with --restart" in said
