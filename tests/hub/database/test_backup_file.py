from __future__ import annotations

import gzip
import hashlib
import os
import stat
import zipfile
from datetime import date
from pathlib import Path

import pytest

from hub.database.backup_file import BackupManifest, BackupReader, BackupTable, BackupWriter
from hub.database.errors import BackupError, ForeignBackupError
from tests.hub.database.backups import change_manifest, changed, put_rows

KEY = b"the hub's own"
ROWS = b"1\thome\n2\tbeach\n"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    file = tmp_path / "home.backup"
    with BackupWriter(file, KEY) as writer:
        size, digest = writer.add("tenant", iter([ROWS[:5], ROWS[5:]]))
        assert (size, digest) == (len(ROWS), hashlib.sha256(ROWS).hexdigest())
        table = BackupTable(columns=["id", "name"], rows=2, total=-5, size=size, sha256=digest)
        writer.finish(
            BackupManifest(
                revision="0015",
                tables={"tenant": table},
                months=[date(2026, 2, 1)],
                sequences={"tenant_id_seq": 2},
            )
        )
    return file


def test_what_was_written_is_read(made: Path):
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    with BackupReader(made, KEY) as reader:
        assert b"".join(reader.rows("tenant")) == ROWS
        assert reader.manifest.months == [date(2026, 2, 1)]
        assert reader.manifest.size == len(ROWS)


def test_what_another_key_signed_is_refused_unless_told(made: Path):
    changed(made, lambda members: change_manifest(members, "months", value=[]))
    with pytest.raises(ForeignBackupError, match="--from-elsewhere"):
        BackupReader(made, KEY)
    with BackupReader(made, KEY, foreign=True) as reader:
        assert reader.manifest.months == []


@pytest.mark.parametrize("pack", [gzip.compress, bytes])
@pytest.mark.parametrize(
    "script", [b"\\! touch proof\n", b"COPY (SELECT 1) TO PROGRAM 'touch proof';\n"]
)
def test_a_script_is_no_backup(tmp_path: Path, pack, script: bytes):
    file = tmp_path / "home.backup"
    file.write_bytes(pack(b'-- dormouse {"tenant": [0, 0]}\n' + script))
    for foreign in (False, True):
        with pytest.raises(BackupError, match=r"which would be run|not a whole backup"):
            BackupReader(file, KEY, foreign=foreign)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m.update({"tenant.copy": ROWS.replace(b"home", b"hime")}), "was changed since"),
        (lambda m: m.update({"tenant.copy": ROWS * 2}), "another length"),
        (lambda m: m.update({"tenant.copy": b""}), "another length"),
        (lambda m: m.pop("tenant.copy"), "tenant.copy"),
        (lambda m: m.pop("backup.json"), None),
        (lambda m: change_manifest(m, "revision", value="../1"), "revision"),
        (lambda m: change_manifest(m, "months", value=["now(); --"]), "months"),
        (lambda m: change_manifest(m, "sequences", value={"a; DROP TABLE b": 1}), "sequences"),
        (lambda m: change_manifest(m, "sequences", value={"a": -1}), "sequences"),
        (lambda m: change_manifest(m, "tables", value={"a.b": {}}), "tables"),
        (lambda m: change_manifest(
            m, "tables", "tenant", "columns", value=["id) FROM PROGRAM 'touch proof' --"]
        ), "columns"),
        (lambda m: change_manifest(m, "tables", "tenant", "more", value=1), "more"),
        (lambda m: change_manifest(m, "dormouse_backup", value=3), "dormouse_backup"),
        (lambda m: m.update({"backup.json": b"[" * 100_000}), "manifest"),
        (lambda m: m.update({"backup.json": b"\xff"}), "manifest"),
        (lambda m: m.update({"backup.json": b" " * (1 << 21)}), "too long"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(made: Path, change, reason: str | None):
    if reason is None:
        with zipfile.ZipFile(made, "w") as empty:
            empty.writestr("tenant.copy", ROWS)
        reason = "backup.json"
    else:
        changed(made, change, key=KEY)
    with (
        pytest.raises(BackupError, match=reason) as refused,
        BackupReader(made, KEY, foreign=True) as reader,
    ):
        b"".join(reader.rows("tenant"))
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


def test_a_damaged_file_is_refused(made: Path):
    whole = made.read_bytes()
    for damaged in (
        b"",
        b"nothing of the kind",
        whole[: len(whole) // 2],
        whole[:-1],
        whole[:64] + b"\xff\xff" + whole[66:],
    ):
        made.write_bytes(damaged)
        with (
            pytest.raises(BackupError, match=r"not a whole backup|cannot be read"),
            BackupReader(made, KEY) as reader,
        ):
            b"".join(reader.rows("tenant"))


def test_no_more_is_unpacked_than_the_manifest_says(made: Path):
    # A megabyte packed to a kilobyte, called 18 bytes long by its manifest.
    changed(made, lambda members: members.update({"tenant.copy": bytes(1 << 20)}), key=KEY)
    assert made.stat().st_size < 4000
    with pytest.raises(BackupError, match="another length"):
        BackupReader(made, KEY)
    changed(made, lambda members: put_rows(members, "tenant", bytes(1 << 20)), key=KEY)
    with BackupReader(made, KEY) as reader:
        assert reader.manifest.size == 1 << 20


def test_what_is_no_file_is_refused_at_once(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for source, reason in [
        (pipe, "not a file"),
        (Path("/dev/zero"), "not a file"),
        (tmp_path, "not a file|directory"),
        (tmp_path / "none", "No such file"),
    ]:
        with pytest.raises(BackupError, match=reason):
            BackupReader(source, KEY)
