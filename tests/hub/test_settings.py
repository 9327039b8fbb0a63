from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from hub.errors import SettingsError
from hub.flags import with_settings
from hub.settings import Enrolment, Settings, load


def test_defaults_are_the_documented_ones(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"DORMOUSE_{name.upper()}", raising=False)
    settings = load()
    assert (settings.http_port, settings.mqtt_port, settings.enrol_port) == (8080, 1883, 1884)
    assert settings.hap_port == 51826
    assert settings.enrolment is Enrolment.OPEN


@pytest.mark.parametrize(
    ("flag", "value", "allowed"),
    [
        ("mqtt_port", "70000", "65535"),
        ("mqtt_port", "many", "integer"),
        ("enrolment", "maybe", "'open', 'window' or 'closed'"),
        ("tenant", "Beach House", "pattern"),
        ("host", "hub.local", "must be an IP address"),
        ("host", "*", "must be an IP address"),
        ("host", "127.0.0.1:80", "must be an IP address"),
        ("host", "fe80::1%eth0", ":: listens there too"),
        ("device_brokers", "a.lan,10.0.0", "is no address"),
    ],
)
def test_a_bad_setting_is_one_line_with_name_value_and_what_is_allowed(flag, value, allowed):
    with pytest.raises(SettingsError) as caught:
        load(**{flag: value})
    message = str(caught.value)
    assert f"DORMOUSE_{flag.upper()}" in message
    assert value in message
    assert allowed in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("::0", "::"),
        ("0:0:0:0:0:0:0:0", "::"),
        ("[::1]", "::1"),
        ("::ffff:192.168.1.7", "192.168.1.7"),
        ("2001:DB8:0::5", "2001:db8::5"),
        ("localhost", "127.0.0.1"),
    ],
)
def test_an_address_to_listen_on_has_one_form(given, host):
    assert load(host=given).host == host


def _run(arguments, env=None):
    seen = []
    app = typer.Typer()

    def command(*, verbose: bool = False, **flags: str | None) -> None:
        seen.append((verbose, load(**flags)))

    app.command()(with_settings(command))
    result = CliRunner().invoke(app, arguments, env=env)
    return result, seen


def test_every_setting_is_a_flag():
    result, _ = _run(["--help"], env={"COLUMNS": "200"})
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in result.output


def test_a_flag_beats_its_environment_twin():
    result, seen = _run(["--http-port", "81", "--verbose"], env={"DORMOUSE_HTTP_PORT": "82"})
    assert result.exit_code == 0
    verbose, settings = seen[0]
    assert verbose
    assert settings.http_port == 81


def test_the_environment_is_read_when_the_command_runs():
    _, seen = _run([], env={"DORMOUSE_HTTP_PORT": "82"})
    assert seen[0][1].http_port == 82
