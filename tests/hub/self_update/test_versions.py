"""A version as it is taken among the others."""

from __future__ import annotations

import subprocess
import sys

from hub.self_update.versions import Versions


def test_what_was_compiled_of_a_version_holds_where_it_is_taken_to(tmp_path):
    source, versions = tmp_path / "source", Versions(tmp_path)
    source.mkdir()
    (source / "module.py").write_text("SAID = 'here'\n")
    compiled = [sys.executable, "-m", "compileall", "-q", source]
    subprocess.run(compiled, check=True)
    versions.make()
    versions.take(source, "9-9")
    # Python says of each file that it compiles anew why what lies beside does not hold.
    asked = f"import sys; sys.path.insert(0, {str(versions.tree('9-9'))!r}); import module"
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-v", "-c", asked], check=True, capture_output=True, text=True
    )
    [cache] = versions.tree("9-9").glob("__pycache__/module.*.pyc")
    assert f"# code object from '{cache}'" in done.stderr
