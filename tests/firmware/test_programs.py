"""The firmware's logic, exercised on the VM itself by the programs beside this file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import seeds

PROGRAMS = Path(__file__).parent / "programs"


@pytest.mark.parametrize("program", sorted(path.stem for path in PROGRAMS.glob("check_*.py")))
async def test_program(make_board, program, tmp_path):
    seed = seeds.seed(30)
    (tmp_path / "seed.py").write_text(f"SEED = {seed}\n")
    board = make_board()
    path = [str(PROGRAMS), str(tmp_path)]
    ended = await board.wake(typed=f"import sys; sys.path.extend({path}); import {program}")
    assert ended.status == 0, ended.console
    assert "Traceback" not in ended.console
