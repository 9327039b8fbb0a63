"""The parts of a fleet that need no device: addresses, worlds, kinds, what is shown."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from host.twin.errors import HubNotReachedError
from host.twin.firmware import Build
from host.twin.fleet import Fleet
from host.twin.hub import HubAddress, facts
from host.twin.kinds import Choice, TwinKind, equip, expected, kinds
from host.twin.table import fleet_table, summary
from host.twin.world import World

HUB = HubAddress("127.0.0.1", 1, 2)


def test_a_hub_that_listens_everywhere_is_reached_on_this_machine():
    said = {"host": "0.0.0.0", "mqtt_port": 1883, "enrol_port": 1884}
    assert HubAddress.of(said) == HubAddress("127.0.0.1", 1883, 1884)
    assert HubAddress.of(said | {"host": "10.0.0.7"}).host == "10.0.0.7"


@pytest.mark.parametrize("content", [None, "", "{"])
def test_without_a_hub_the_folder_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "hub.json").write_text(content)
    with pytest.raises(HubNotReachedError, match=str(tmp_path)):
        facts(tmp_path)


def test_changes_of_a_world_keep_what_they_do_not_name():
    before = World({"wifi": {"up": True, "ssid": "a"}, "temperature": 20})
    after = before.changed(wifi={"up": False}, temperature=21)
    assert json.loads(after.json()) == {"wifi": {"up": False, "ssid": "a"}, "temperature": 21}
    assert json.loads(before.json())["wifi"]["up"] is True


def test_mixed_is_every_kind_by_turns():
    assert kinds(Choice.MIXED, 6) == [*TwinKind, *TwinKind][:6]
    assert kinds(Choice.SWITCH, 2) == [TwinKind.SWITCH, TwinKind.SWITCH]


@pytest.mark.parametrize("kind", TwinKind)
def test_equipment_names_the_hub_and_what_to_expect(kind):
    settings, world = equip(kind, HUB, interval=5, seed=1)
    assert (settings["host"], settings["port"], settings["enrol_port"]) == ("127.0.0.1", 1, 2)
    assert world == equip(kind, HUB, interval=5, seed=1)[1]
    assert world != equip(kind, HUB, interval=5, seed=2)[1]
    assert all(len(pair) == 2 for pair in expected(kind))


def test_the_table_shows_failed_devices_first_and_how_many_it_leaves_out(tmp_path):
    fleet = Fleet(HUB, Build(tmp_path, tmp_path), tmp_path, [TwinKind.DS18B20] * 5)
    fleet.twins[4].statistics.failures = 2
    fleet.twins[4].statistics.last_error = "Traceback\n[Errno 5] " + "long " * 40
    fleet.twins[3].statistics.cycles = 7
    out = io.StringIO()
    Console(file=out, width=100).print(fleet_table(fleet, rows=2))
    shown = out.getvalue()
    assert "[Errno 5] long" in shown
    # Summary, three lines around the heading, two rows, the end of the frame, what is left out.
    assert len(shown.splitlines()) == 8
    assert shown.index(fleet.twins[4].id) < shown.index(fleet.twins[0].id)
    assert fleet.twins[2].id not in shown
    assert "and 3 more" in shown
    assert summary(fleet.totals()).startswith("0 s: 5 off")
    assert "7 cycles" in summary(fleet.totals())
    assert "2 failures" in summary(fleet.totals())
