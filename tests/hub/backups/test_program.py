"""What rclone and restic say when they fail, as it is told: programs that say what theirs said."""

from __future__ import annotations

import pytest

from hub.backups.errors import TargetError
from hub.backups.program import BackupProgram

# rclone 1.60.1 with AWS_CA_BUNDLE, and without a server; restic 0.14 without a repository.
BUNDLE = """\
2026/12/01 08:10:25 Failed to create file system for "cloud:bucket": LoadCustomCABundleError: \
unable to load custom CA bundle, HTTPClient's transport unsupported type
caused by: unsupported transport, *fshttp.Transport
"""
REFUSED = """\
2026/12/01 08:10:26 ERROR : : error listing: RequestError: send request failed
caused by: Get "http://127.0.0.1:9/bucket": dial tcp 127.0.0.1:9: connect: connection refused
2026/12/01 08:10:26 Failed to lsjson with 2 errors: last error was: error in ListJSON: \
RequestError: send request failed
caused by: Get "http://hub:s3cret@127.0.0.1:9/bucket": dial tcp: connect: connection refused
"""
RESTIC = """\
Fatal: unable to open config file: stat /nowhere/config: no such file or directory
Is there a repository at the following location?
/nowhere
"""


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (BUNDLE, ("unable to load custom CA bundle", "unsupported transport")),
        (REFUSED, ("Failed to lsjson", "connection refused", "...127.0.0.1:9")),
        (RESTIC, ("Fatal: unable to open config file",)),
        ("", ("it failed without a word",)),
    ],
)
async def test_why_it_failed_is_told_in_a_line(said, told, tmp_path, monkeypatch):
    program, words = tmp_path / "rclone", tmp_path / "words"
    words.write_text(said)
    program.write_text(f"#!/bin/sh\ncat {words} >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(TargetError) as failed:
        await BackupProgram("rclone").run("lsjson", "cloud:bucket")
    line = str(failed.value)
    assert "\n" not in line
    assert "s3cret" not in line
    for part in told:
        assert part in line
