"""Small files of the hub's that are empty, cut, garbage, of other types, too deep, a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.backups.state_file import StateFile
from hub.errors import SettingsError
from hub.logs.read import newest
from hub.mqtt.endpoint import Endpoint
from hub.runtime.log_setup import LOG_NAME
from hub.runtime.part_history import PartHistory
from hub.runtime.supervisor import Supervisor
from hub.self_update.versions import Versions
from hub.settings import load
from hub.sites.errors import GatewayError
from hub.sites.forward import ForwardSettings

DEEP = b"[" * 100_000
DAMAGED = {
    "empty": b"",
    "cut": b'{"hub": "mqtt://a:b@',
    "garbage": bytes(range(256)),
    "zeros": bytes(4096),
    "a list": b"[]",
    "nothing": b"null",
    "a number": b"1",
    "large numbers": b'{"hub": ' + b"9" * 5000 + b"}",
    "no number": b'{"hub": NaN, "here": 1e999, "devices": {}}',
    "too deep": DEEP,
    "too deep inside": b'{"hub": ' + DEEP,
    "half a character": b'{"hub": "\\ud800", "here": "\\ud800", "devices": ["\\ud800"]}',
    "other types": b'{"hub": 5, "here": [], "devices": [null]}',
    "no addresses": b'{"hub": "none", "here": "mqtt://x:y@z:port", "devices": []}',
}


@pytest.fixture(params=DAMAGED)
def damaged(request) -> bytes:
    return DAMAGED[request.param]


def private(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_a_forwarder_s_settings_are_refused_in_one_line(tmp_path: Path, damaged: bytes):
    file = private(tmp_path / "forwarder.json", damaged)
    with pytest.raises(GatewayError, match="make it again") as refused:
        ForwardSettings.of(file)
    assert "\n" not in str(refused.value)


def test_what_is_remembered_is_begun_anew(tmp_path: Path, damaged: bytes):
    versions = Versions(tmp_path)
    untouched = versions.state()
    private(versions.path / "state.json", damaged)
    private(versions.path / "wanted.json", damaged)
    assert (versions.state(), versions.wanted()) == (untouched, None)
    private(tmp_path / "backups.json", damaged)
    assert StateFile(tmp_path / "backups.json").load().last_good is None
    private(tmp_path / "log" / LOG_NAME, damaged + b"\n")
    assert newest(tmp_path, lambda _: True, 10) == []


async def test_how_parts_were_is_begun_anew(tmp_path: Path, damaged: bytes):
    async def look() -> dict[str, bool]:
        return {"broker": True}

    history = PartHistory(look, private(tmp_path / "parts.json", damaged), Supervisor())
    await history.start()
    try:
        assert await history.look() == {"broker": True}
    finally:
        await history.stop()


@pytest.mark.parametrize(
    "settings",
    [
        {"auth_secret": "hunter2"},
        {"backup_to": "restic:"},
        {"backup_to": "ftp://a:hunter2@b"},
        {"auth_secret": "hunter2 hunter2 hunter2"},
    ],
)
def test_a_setting_that_is_refused_is_not_told_with_its_secret(settings: dict[str, str]):
    with pytest.raises(SettingsError, match=f"DORMOUSE_{next(iter(settings)).upper()}") as refused:
        load(**settings)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["mqtt://a:hunter2@b:port", "mqtt://a:hunter2@[b", "a:hunter2@b"])
def test_an_address_that_is_refused_is_not_told_with_its_password(url: str):
    with pytest.raises(SettingsError, match="DORMOUSE_MQTT_URL") as refused:
        Endpoint.of(url)
    assert "hunter2" not in str(refused.value)
