"""Virtual sensors that a hub runs beside itself: they join, report, end, and are the same again."""

from __future__ import annotations

import asyncio
import logging

import pytest

from host.twin.errors import TwinFolderInUseError
from host.twin.register import twin_folder
from hub.mqtt.enrolment import EnrolmentGate
from hub.settings import Enrolment, Settings
from hub.virtual.service import NoVirtualSensorsError, VirtualSensors
from tests.support.hub import until

# As on a machine for which there is no MicroPython: the module is not to be found.
_NO_MACHINE = "import sys\nsys.modules['micropython_run'] = None\n"


@pytest.fixture
def gate():
    return EnrolmentGate(Enrolment.CLOSED, "home")


@pytest.fixture
async def virtual(hub, gate):
    """Beside a hub at which everybody may enrol."""
    settings = Settings(data_dir=hub.data_dir, host="0.0.0.0")
    ports = {"mqtt": hub.facts["mqtt_port"], "enrol": hub.facts["enrol_port"]}
    made = VirtualSensors(settings, gate, lambda: ports)
    yield made
    await made.stop()


@pytest.mark.parametrize("hub", [{"ENROLMENT": "open"}], indirect=True)
@pytest.mark.parametrize("machine", ["micropython", "python"])
async def test_three_join_report_and_end_and_are_the_same_the_next_time(
    hub, virtual, gate, machine, monkeypatch, caplog, tmp_path
):
    if machine == "python":
        (tmp_path / "sitecustomize.py").write_text(_NO_MACHINE)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    # What the hub alone is to know is not handed on, whoever runs it.
    monkeypatch.setenv("DORMOUSE_DATA_DIR", str(tmp_path / "another"))
    caplog.set_level(logging.DEBUG, "hub.virtual.service")
    assert not virtual.running
    await asyncio.gather(virtual.begin("home"), virtual.begin("home"))
    assert caplog.text.count("3 virtual sensors were begun for home") == 1
    assert virtual.running
    assert gate.window is not None
    assert gate.window[0] == "home"
    first = await until(lambda: reported(hub), 240)
    assert '"error": null' in virtual.last_line
    assert ("instead of MicroPython" in caplog.text) == (machine == "python")
    with pytest.raises(TwinFolderInUseError), twin_folder(hub.data_dir / "virtual"):
        pass
    await virtual.stop()
    assert not virtual.running
    # Nothing of them runs: their folder is free.
    with twin_folder(hub.data_dir / "virtual"):
        pass
    await virtual.begin("home")
    await until(lambda: reported(hub, after=max(first.values())), 240)
    assert set(await reported(hub)) == set(first)


async def test_none_beside_a_broker_of_another(tmp_path, gate):
    virtual = VirtualSensors(Settings(data_dir=tmp_path), gate, dict)
    assert not virtual.available
    with pytest.raises(NoVirtualSensorsError):
        await virtual.begin("home")
    assert gate.window is None
    assert not virtual.running


async def reported(hub, after: str = "") -> dict[str, str]:
    """When each of the three was heard last; empty while one was not heard since."""
    heard = [one for one in (await hub.status())["devices"] if one["values"]]
    at = {one["id"]: max(value["at"] for value in one["values"]) for one in heard}
    return at if len(at) == 3 and min(at.values()) > after else {}
