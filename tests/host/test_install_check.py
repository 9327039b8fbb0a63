"""What `dormouse doctor install` finds on a machine that lacks something."""

from __future__ import annotations

import json
import socket

import pytest
from typer.testing import CliRunner

from host import install_check
from host.cli import root
from host.install_check import InstallVerdict, examine


def found(tmp_path, **ports):
    return {one.what: one for one in examine(tmp_path / "data", ports)}


def test_a_machine_that_has_everything(tmp_path):
    result = CliRunner().invoke(
        root(), ["doctor", "install", "--json", "--data-dir", str(tmp_path)]
    )
    findings = {one["what"]: one for one in json.loads(result.stdout)}
    lacking = [one for one in findings.values() if one["verdict"] == "missing"]
    assert not lacking
    assert result.exit_code == 0
    assert findings["libraries of [hub]"]["detail"] == "installed"
    assert findings["mosquitto (the broker)"]["detail"].startswith("/")
    assert findings["Postgres' programs"]["detail"].endswith("of the wheel")


def test_what_is_missing_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(install_check, "find_spec", lambda _name: None)
    monkeypatch.setattr(install_check.shutil, "which", lambda *_args, **_named: None)
    seen = found(tmp_path)
    for what, how in {
        "libraries of [hub]": "pip install 'dormouse-home[hub]'",
        "mosquitto (the broker)": "sudo apt install mosquitto",
        "Postgres' programs": "DORMOUSE_DATABASE_URL",
    }.items():
        assert seen[what].verdict is InstallVerdict.MISSING
        assert how in seen[what].detail
    # What a hub does without is a note.
    assert seen["libraries of [export]"].verdict is InstallVerdict.NOTE
    assert seen["setpriv (util-linux)"].verdict is InstallVerdict.NOTE


def test_servers_of_ones_own_are_not_missed(tmp_path, monkeypatch):
    monkeypatch.setattr(install_check, "find_spec", lambda _name: None)
    monkeypatch.setattr(install_check.shutil, "which", lambda *_args, **_named: None)
    monkeypatch.setenv("DORMOUSE_MQTT_URL", "mqtt://broker.example")
    monkeypatch.setenv("DORMOUSE_DATABASE_URL", "postgresql://db.example/dormouse")
    seen = found(tmp_path)
    assert seen["mosquitto (the broker)"].verdict is InstallVerdict.GOOD
    assert seen["Postgres' programs"].verdict is InstallVerdict.GOOD


def test_a_port_that_is_taken(tmp_path):
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = other.getsockname()[1]
        seen = found(tmp_path, HTTP_PORT=port, MQTT_PORT=0)
    assert [what for what in seen if what.startswith("port ")] == [f"port {port} (HTTP_PORT)"]
    assert "DORMOUSE_HTTP_PORT" in seen[f"port {port} (HTTP_PORT)"].detail


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(100 << 20, InstallVerdict.MISSING), (1 << 30, InstallVerdict.NOTE),
     (4 << 30, InstallVerdict.GOOD)],
)  # fmt: skip
def test_room_on_the_disk(tmp_path, monkeypatch, free, verdict):
    usage = type("Usage", (), {"free": free, "total": 8 << 30})
    monkeypatch.setattr(install_check.shutil, "disk_usage", lambda _path: usage)
    assert found(tmp_path)["disk"].verdict is verdict


def test_a_clock_that_was_never_set():
    # A Raspberry Pi without a network begins where fake-hwclock left it; a new one in 1970.
    assert install_check._clock(86_400.0).verdict is InstallVerdict.MISSING
