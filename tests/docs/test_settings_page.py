"""docs/settings.md is what the command prints, and has every setting."""

from __future__ import annotations

import os
from pathlib import Path

import typer
from typer.testing import CliRunner

from hub import cli
from hub.settings import Settings, load, schema

PAGE = Path(__file__).parents[2] / "docs/settings.md"


def _hub(*arguments: str) -> str:
    app = typer.Typer()
    cli.mount(app)
    result = CliRunner().invoke(app, ["hub", *arguments], env={"COLUMNS": "250"})
    assert result.exit_code == 0, result.output
    return result.output


def test_the_page_is_what_the_command_prints():
    assert PAGE.read_text("utf-8") == _hub("settings", "--markdown")


def test_neither_the_environment_nor_the_user_changes_the_page(monkeypatch, tmp_path):
    before = _hub("settings", "--markdown")
    monkeypatch.setenv("DORMOUSE_HTTP_PORT", "81")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert _hub("settings", "--markdown") == before


def test_every_setting_is_described():
    described = schema()
    assert [s.name for s in described] == list(Settings.model_fields)
    for s in described:
        assert s.description, s.name
        assert s.allowed, s.name
        assert "|" not in f"{s.default}{s.allowed}{s.description}", s.name


def test_the_flags_and_variables_are_those_of_the_command():
    shown = _hub("--help")
    for s in schema():
        assert s.flag in shown
        assert f"[env var: {s.variable}]" in shown


def test_the_variables_are_those_that_are_read(monkeypatch):
    for s in schema():
        monkeypatch.delenv(s.variable, raising=False)
    changed = {"host": "::1", "ota_wait": "76", "enrolment": "closed", "tenant": "beach"}
    variables = {s.name: s.variable for s in schema()}
    for name, value in changed.items():
        monkeypatch.setenv(variables[name], value)
    settings = load()
    assert {name: str(getattr(settings, name)) for name in changed} == {
        **changed,
        "ota_wait": "76.0",
    }


def test_what_is_said_to_be_allowed_is_what_is_checked():
    said = {s.name: (s.default, s.allowed) for s in schema()}
    assert said["http_port"] == ("8080", "0 to 65535")
    assert said["ota_wait"] == ("75 s", "1 to 3600 s")
    assert said["forget_after_days"] == ("0 days", "0 to 36500 days")
    assert said["enrolment"] == ("open", "open, window, closed")
    assert said["ota_streams"] == ("2", "1 to 16")


def test_the_table_for_people_has_every_setting():
    shown = _hub("settings")
    for s in schema():
        assert s.flag in shown
        assert s.variable in shown
