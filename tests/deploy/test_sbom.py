"""What a release is made of: every package that is installed for a run, with hashes and licence."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.support.bootloader import TOP


def test_every_package_of_a_run_is_in_it(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, TOP / ".ci/sbom.py", tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    bom = json.loads((tmp_path / "sbom.cdx.json").read_text())
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom["metadata"]["component"]["version"] == (TOP / "VERSION").read_text().strip()
    listed = (TOP / "requirements/run.txt").read_text()
    wanted = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", listed, re.MULTILINE))
    assert {one["name"]: one["version"] for one in bom["components"]} == wanted
    hashes = {
        one["content"]
        for component in bom["components"]
        for reference in component["externalReferences"]
        for one in reference["hashes"]
    }
    assert hashes == set(re.findall(r"sha256:([0-9a-f]{64})", listed))
    by_name = {one["name"]: one for one in bom["components"]}
    assert by_name["fastapi"]["purl"] == f"pkg:pypi/fastapi@{wanted['fastapi']}"
    assert "MIT" in json.dumps(by_name["fastapi"]["licenses"])
    texts = (tmp_path / "licences.txt").read_text()
    assert f"== fastapi {wanted['fastapi']}: MIT" in texts
    assert "Permission is hereby granted" in texts
