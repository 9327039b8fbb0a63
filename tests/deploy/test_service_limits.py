"""A hub within the service's limits, as far as they can be had without systemd."""

from __future__ import annotations

import os
import pwd
import shutil
import sys

import pytest

from tests.support.hub import HubProcess

# As the unit says: another user without any right, the file system read only but for its data. A
# Python that lies in root's home is put where that user can reach it.
_LIMITED = """
set -e
mount --bind "$1" "$1"
case $2 in /root/*)
  mkdir "$1.python" && mount --bind "$2" "$1.python" && mount -t tmpfs -o mode=755 none /root
  mkdir -p "$2" && mount --move "$1.python" "$2" ;;
esac
mount -o remount,bind,ro /
umask 077
shift 2
exec setpriv --reuid nobody --regid nogroup --clear-groups --no-new-privs \\
  --bounding-set=-all --inh-caps=-all -- "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="another user and mounts need root")
async def test_it_runs_as_another_user_without_rights(short_tmp):
    data = short_tmp / "data"
    data.mkdir(mode=0o700)
    shutil.chown(data, "nobody", "nogroup")
    limited = ["unshare", "--mount", "sh", "-c", _LIMITED, "sh", str(data), sys.base_prefix]
    hub = HubProcess(data, within=limited)
    await hub.start()
    try:
        assert await hub.status() is not None
        nobody = pwd.getpwnam("nobody").pw_uid
        assert {path.stat().st_uid for path in data.rglob("*")} == {nobody}
        # What is public, and a socket in a folder of its user's alone.
        others = {path.name for path in data.rglob("*") if path.stat().st_mode & 0o077}
        assert others <= {"ca.crt", ".s.PGSQL.5432"}
    finally:
        assert await hub.stop() == 0
    # Root, who would leave files behind that the service cannot use, is sent to that user.
    root = HubProcess(data)
    with pytest.raises(AssertionError, match="belongs to user nobody: run this as that user"):
        await root.start()
