"""What a hub loads before somebody looks at its pages: it runs for months with little memory."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.hub import ROOT

# Each of these takes 10 MB or more, and is for what is seldom done.
HEAVY = {"nicegui", "pyarrow", "sqlalchemy", "alembic", "numpy", "pandas", "esptool"}


def test_a_hub_starts_without_what_pages_and_exports_need():
    code = "import json, sys, hub.cli, hub.app; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert "hub.web.site" in loaded
    assert loaded & HEAVY == set()
