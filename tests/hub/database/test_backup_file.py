from __future__ import annotations

import gzip
import hashlib
import os
import stat
import struct
import tracemalloc
import zipfile
from datetime import date
from pathlib import Path

import pytest

from hub.database import backup_file
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
        (lambda m: change_manifest(m, "months", value=["2026-01-01"] * 2401), "months"),
        (lambda m: m.update(
            {"backup.json": m["backup.json"].replace(b":-5", b":" + b"9" * 10_000)}
        ), "manifest"),
        (lambda m: change_manifest(m, "tables", "tenant", "size", value=1e400), "manifest"),
        (lambda m: change_manifest(m, "tables", value={"a.b": {}}), "tables"),
        (lambda m: change_manifest(
            m, "tables", "tenant", "columns", value=["id) FROM PROGRAM 'touch proof' --"]
        ), "columns"),
        (lambda m: change_manifest(m, "tables", "tenant", "more", value=1), "more"),
        (lambda m: change_manifest(m, "dormouse_backup", value=4), "dormouse_backup"),
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


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", ["backup.json", "backup.hmac", "tenant.copy"])
def test_what_would_be_unpacked_in_one_go_is_refused(made: Path, way: int, name: str):
    """A member of 500 bytes that says it has 100, and unpacks to 8 MB before that is looked at."""
    with zipfile.ZipFile(made) as found:
        members = {one: found.read(one) for one in found.namelist()}
    with zipfile.ZipFile(made, "w") as fresh:
        for one, content in members.items():
            if one != name:
                fresh.writestr(one, content)
        fresh.writestr(name, bytes(8 << 20), compress_type=way)
    packed = bytearray(made.read_bytes())
    # The uncompressed size in the last entry of the list (APPNOTE.TXT, 4.3.12).
    struct.pack_into("<L", packed, packed.rfind(b"PK\x01\x02") + 24, len(members[name]))
    made.write_bytes(packed)
    tracemalloc.start()
    try:
        with (
            pytest.raises(BackupError, match=f"{name} is packed in a way that none of ours is"),
            BackupReader(made, KEY, foreign=True) as reader,
        ):
            reader.check()
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_row_without_end_is_refused_while_it_is_read(made: Path, monkeypatch):
    monkeypatch.setattr(backup_file, "_LONGEST_ROW", 1 << 20)
    for rows, whole in [
        (b"1\t" + b"x" * (1 << 20) + b"\n2\tbeach\n", False),
        (b"1\thome\n" + b"x" * (3 << 20), False),
        ((b"1\t" + b"x" * 900_000 + b"\n") * 3, True),
    ]:
        changed(made, lambda members, rows=rows: put_rows(members, "tenant", rows), key=KEY)
        with BackupReader(made, KEY) as reader:
            if whole:
                assert b"".join(reader.rows("tenant")) == rows
            else:
                with pytest.raises(BackupError, match="a row of tenant is too long"):
                    list(reader.rows("tenant"))


def test_members_without_number_are_refused_before_they_are_listed(made: Path, tmp_path: Path):
    """Each would take 500 bytes of memory: a file of 100 MB all of a Raspberry Pi's."""
    with zipfile.ZipFile(made, "a") as more:
        for n in range(2000):
            more.writestr(f"{n}", b"")
    with pytest.raises(BackupError, match="bytes of members"):
        BackupReader(made, KEY, foreign=True)
    # With the list's length in the record that files over 4 GB have (APPNOTE.TXT, 4.3.14).
    record = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 1 << 30, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 50, 0, 0)
    made.write_bytes(bytes(100) + record + locator + end)
    with pytest.raises(BackupError, match="bytes of members"):
        BackupReader(made, KEY, foreign=True)
    # What follows a comment is nowhere else to be looked for.
    made.write_bytes(bytes(100) + end[:-2] + b"\x04\x00abcd")
    with pytest.raises(BackupError, match="does not end as a zip of ours"):
        BackupReader(made, KEY, foreign=True)


def test_members_that_are_none_of_ours_are_left_alone(made: Path, tmp_path: Path):
    """Paths upwards and from the root, links, the same name twice: nothing is ever unpacked."""
    proof = tmp_path / "proof"
    link = zipfile.ZipInfo("backup.link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(made, "a") as more:
        more.writestr("../proof", b"x")
        more.writestr(str(proof), b"x")
        more.writestr(link, str(proof))
        with pytest.warns(UserWarning, match="Duplicate"):
            more.writestr("tenant.copy", ROWS.replace(b"home", b"hime"))
    with (
        BackupReader(made, KEY) as reader,
        pytest.raises(BackupError, match="was changed since"),
    ):
        list(reader.rows("tenant"))
    assert list(tmp_path.iterdir()) == [made]


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
