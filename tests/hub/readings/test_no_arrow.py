"""A hub without pyarrow, as on a small computer: all but Parquet and Arrow."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from hub.readings import arrow
from hub.readings.csv_dialect import PLAIN
from hub.readings.export import ExportFormat, _writer

ROOT = Path(__file__).resolve().parents[3]


def test_the_whole_hub_is_loaded_without_it():
    program = "import sys; sys.modules['pyarrow'] = None; import hub.app, hub.cli, hub.web.pages"
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=True)


def test_one_line_says_what_to_install_or_to_take(monkeypatch):
    monkeypatch.setattr(arrow, "find_spec", lambda _name: None)
    for form in (ExportFormat.PARQUET, ExportFormat.ARROW):
        with pytest.raises(arrow.NoArrowError, match=r"dormouse-home\[export\]") as refused:
            _writer(io.BytesIO(), form, PLAIN)
        assert refused.value.http_status == 406
    assert _writer(io.BytesIO(), ExportFormat.CSV, PLAIN)
