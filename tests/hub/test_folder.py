"""What people are told of files of the data folder that cannot be used."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hub.folder import UnusableFileError, is_of_files

DATA = Path("/var/lib/dormouse")


def told(number: int, *names: str) -> str:
    return str(UnusableFileError(DATA, OSError(number, os.strerror(number), *names)))


def test_a_file_that_is_named_may_be_moved_away():
    said = told(errno.EISDIR, "/var/lib/dormouse/clock.json")
    assert said.startswith("/var/lib/dormouse/clock.json: Is a directory; move it away")


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.EACCES])
def test_the_folder_itself_never_is(number):
    """Where no file is named: all readings are in it."""
    said = told(number)
    assert said.startswith("/var/lib/dormouse: ")
    assert "move it away" not in said


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "make room"), (errno.EDQUOT, "make room"), (errno.EMFILE, "LimitNOFILE")],
)
def test_what_is_short_is_said(number, remedy):
    assert remedy in told(number)
    assert is_of_files(OSError(number, os.strerror(number)))


@pytest.mark.parametrize(
    "error",
    [TimeoutError(), ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")],
    ids=repr,
)
def test_what_no_file_has_to_do_with_is_not_told_of_one(error):
    assert not is_of_files(error)
    assert is_of_files(FileNotFoundError(errno.ENOENT, "No such file", "/x"))
