"""What people are told of files of the data folder that cannot be used."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hub.folder import (
    FolderInUseError,
    NoFileError,
    UnusableFileError,
    data_folder,
    is_of_files,
)

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


@pytest.mark.parametrize(
    "name",
    ["hub.lock", "clock.json", "clock.new", "web/secret", "log/hub.jsonl", "postgres/secrets/x"],
)
def test_a_pipe_in_a_file_s_place_is_told_of_and_not_waited_for(tmp_path, name):
    """Opened, it would hold up the hub for ever, without a word."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True, parents=True)
    os.mkfifo(path)
    with (
        pytest.raises(NoFileError, match="a pipe or a device, not a file; move it away") as refused,
        data_folder(tmp_path),
    ):
        pass
    assert str(refused.value).startswith(f"{path}: ")
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(NoFileError), data_folder(tmp_path):
        pass
    path.unlink()
    path.symlink_to(tmp_path / "absent")
    with data_folder(tmp_path) as held:
        assert held == tmp_path


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077], ids=oct)
def test_nobody_else_can_hold_it_whatever_the_umask(mask, tmp_path):
    """A lock of another version, which all could open, is closed as well."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "hub.lock").touch()
    (folder / "hub.lock").chmod(0o666)
    before = os.umask(mask)
    try:
        for place in (folder, tmp_path / "new"):
            with data_folder(place):
                assert (place / "hub.lock").stat().st_mode & 0o777 == 0o600
                assert not place.stat().st_mode & 0o066
                with pytest.raises(FolderInUseError, match=str(os.getpid())), data_folder(place):
                    pass
    finally:
        os.umask(before)
