"""Where there is no MicroPython, as on 64-bit ARM Linux."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from host.cli import app
from host.twin import vm
from host.twin.errors import NoVirtualMachineError


@pytest.mark.parametrize("command", ["twin", "demo"])
def test_the_commands_say_so_in_one_line(monkeypatch, command):
    monkeypatch.setattr(vm, "find_spec", lambda _name: None)
    vm._program.cache_clear()
    result = CliRunner().invoke(app, [command])
    vm._program.cache_clear()
    assert isinstance(result.exception, NoVirtualMachineError)
    assert "\n" not in str(result.exception)
    assert "virtual devices cannot run here" in str(result.exception)
    assert result.exception.exit_status == 3
