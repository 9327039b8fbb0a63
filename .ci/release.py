"""Makes a release: `make release`, or `python .ci/release.py [--registry HOST/NAME] [--key FILE]`.

In a tree with nothing uncommitted: the patch is raised if what is shipped changed since the last
release, and the changelog is dated; tests; wheel, images, firmware trees, what changed, SBOM and
licences in dist/release/VERSION, with SHA256SUMS and its signature; then the tag v<VERSION>.
Nothing leaves this machine but images, to the registry that is named.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import images
import version as versions

TOP = Path(__file__).resolve().parent.parent
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_VENV = f"VENV={sys.prefix}"
_DORMOUSE = (sys.executable, "-m", "host")
# What `ssh-keygen -Y verify` is to be given as -n.
NAMESPACE = "dormouse-release"


class ReleaseError(Exception):
    """The release was not made; nothing is tagged."""


def run(*command: str, **environment: str) -> None:
    """Run a command of the tree. Raises ReleaseError."""
    print(f"release: {' '.join(command)}", flush=True)
    # What this make was told (ARGS) is not for those that are started here.
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(command, cwd=TOP, env={**kept, **environment}, check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)}: exit status {done.returncode}")


def output(*command: str) -> str:
    """What a command prints. Raises ReleaseError."""
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


def packed(tree: Path, target: Path, when: int) -> None:
    """A folder as .tar.gz, the same bytes for the same files; `when` in s since 1970."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime, member.uid, member.gid = when, 0, 0
        member.uname = member.gname = ""
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    raw = target.with_suffix("")
    with tarfile.open(raw, "w", format=tarfile.PAX_FORMAT) as archive:
        for file in sorted(tree.rglob("*")):
            archive.add(file, file.relative_to(tree.parent), recursive=False, filter=plain)
    # Without the time and name that gzip would write into it.
    subprocess.run(["gzip", "--no-name", "--best", "--force", raw], check=True)


def firmware(target: Path, version: str, when: int, boards: Sequence[str]) -> None:
    """The firmware's trees: for every board alike, and one a board; all boards without any."""
    boards = boards or [line.split()[0] for line in output(*_DORMOUSE, "boards").splitlines()]
    folder = target / "firmware"
    for board in ["", *boards]:
        name = f"dormouse-firmware-{version}" + (f"-{board}" if board else "")
        chosen = ["--board", board] if board else []
        output(*_DORMOUSE, "firmware", "build", *chosen, "--output", str(folder / name))
        packed(folder / name, target / f"{name}.tar.gz", when)
    shutil.rmtree(folder)


def sums(target: Path) -> Path:
    """SHA256SUMS of all files there, as `sha256sum -c` reads it."""
    file = target / "SHA256SUMS"
    files = sorted(one for one in target.iterdir() if one.is_file() and one != file)
    lines = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in files]
    file.write_text("".join(lines), "utf-8")
    return file


def sign(file: Path, key: Path) -> None:
    """FILE.sig by an SSH key, which `ssh-keygen -Y verify` checks."""
    run("ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(key), str(file))


def artefacts(target: Path, version: str, when: int, boards: Sequence[str]) -> list[Path]:
    """Everything but images, in an empty folder; the images' archives as well."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    epoch = str(when)
    run("make", "wheel", _VENV, SOURCE_DATE_EPOCH=epoch)
    wheel = f"dormouse_home-{version}-py3-none-any.whl"
    shutil.copyfile(TOP / "dist" / wheel, target / wheel)
    run(sys.executable, ".ci/sbom.py", str(target))
    changes = versions.section((TOP / "CHANGELOG.md").read_text("utf-8"), version)
    (target / "CHANGES.md").write_text(f"# Dormouse {version}\n\n{changes}\n", "utf-8")
    firmware(target, version, when, boards)
    if subprocess.run(
        ["make", "-n", "images"], cwd=TOP, capture_output=True, check=False
    ).returncode:
        print("release: no images: this tree has no `make images`")
        return []
    run("make", "images", _VENV, SOURCE_DATE_EPOCH=epoch)
    archives = []
    for archive in sorted((TOP / "dist").glob(f"dormouse-{version}-*.tar")):
        kept = target / archive.name
        shutil.copyfile(archive, kept)
        archives.append(kept)
    if not archives:
        raise ReleaseError(f"`make images` left no dist/dormouse-{version}-MACHINE.tar")
    return archives


def release(
    registry: str, key: Path | None, boards: Sequence[str] = (), *, tests: bool, tag: bool
) -> Path:
    """Make it; where it lies. Raises ReleaseError, VersionError, ImagesError."""
    if output("git", "status", "--porcelain"):
        raise ReleaseError("there are uncommitted changes: a release is what is committed")
    version = versions.bump(TOP, "changed")
    if output("git", "tag", "--list", f"v{version}"):
        raise ReleaseError(f"{version} was released, and nothing that is shipped changed since")
    log = TOP / "CHANGELOG.md"
    changes = log.read_text("utf-8")
    if tag and f"## {version} (unreleased)" in changes:
        date = datetime.now(UTC).date().isoformat()
        log.write_text(versions.dated(changes, version, date), "utf-8")
    if output("git", "status", "--porcelain"):
        run("git", "commit", "-qam", f"Release {version}")
    if tests:
        run("make", "test", _VENV)
        run("make", "test-deploy", _VENV)
    when = int(output("git", "log", "-1", "--format=%ct"))
    target = TOP / "dist/release" / version
    archives = artefacts(target, version, when, boards)
    checked = sums(target)
    if key is None:
        print("release: SHA256SUMS is not signed: no key was named (RELEASE_KEY=FILE, an SSH key)")
    else:
        sign(checked, key)
    if tag:
        run("git", "tag", "-a", "-m", f"Dormouse {version}", f"v{version}")
    if registry and archives:
        targets = [f"{registry}:{name}" for name in (version, "latest")]
        machines = images.push(archives, targets, plain=registry.startswith(_LOCAL))
        print(f"release: {' and '.join(targets)}: {', '.join(machines)}")
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--registry", default="", help="where images go: host[:port]/name")
    parser.add_argument("--key", type=Path, help="a private SSH key, to sign the checksums")
    parser.add_argument("--board", action="append", default=[], help="firmware of these alone")
    parser.add_argument("--no-tests", action="store_true", help="they passed on this commit")
    parser.add_argument("--no-tag", action="store_true", help="a trial: changelog and tags stay")
    given = parser.parse_args(arguments)
    try:
        target = release(
            given.registry, given.key, given.board, tests=not given.no_tests, tag=not given.no_tag
        )
    except (ReleaseError, versions.VersionError, images.ImagesError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    print(f"release: {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
