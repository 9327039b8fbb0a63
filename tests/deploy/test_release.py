"""A release of this tree, made in a clone of it, with its images in a registry of this machine."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.hub import ROOT
from tests.support.ports import claimed_port

INDEX = "application/vnd.oci.image.index.v1+json"
pytestmark = pytest.mark.skipif(
    not (shutil.which("docker-registry") and shutil.which("skopeo")),
    reason="docker-registry and skopeo are not here (.ci/packages deploy)",
)


def image(file: Path, architecture: str) -> None:
    """An image of one file, as `docker save` writes it."""

    def tar(members: dict[str, bytes]) -> bytes:
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w") as archive:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return target.getvalue()

    layer = tar({"machine": architecture.encode()})
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": architecture, "os": "linux", "config": {"User": "10001"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created": "2026-01-01T00:00:00Z"}],
        }
    ).encode()  # fmt: skip
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": ["dormouse:x"], "Layers": ["layer.tar"]}]
    file.write_bytes(
        tar({"manifest.json": json.dumps(manifest).encode(), name: config, "layer.tar": layer})
    )


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """The address of an empty registry."""
    address = f"127.0.0.1:{claimed_port()}"
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "registry")}},
        "http": {"addr": address},
    }
    file = tmp_path / "registry.yml"
    file.write_text(json.dumps(settings))
    with (tmp_path / "registry.log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", file], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"http://{address}/v2/")
                break
            except httpx.TransportError:
                assert process.poll() is None, (tmp_path / "registry.log").read_text()
                assert time.monotonic() < end
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """This tree with a git of its own; instead of its images (tried elsewhere) two small ones."""
    tree, made = tmp_path / "tree", tmp_path / "made"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in listed.split("\0"):
        if name and (ROOT / name).exists() and not name.startswith(("tests/", "emulator/")):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    made.mkdir()
    version = (ROOT / "VERSION").read_text().strip()
    for machine in ("amd64", "arm64"):
        image(made / f"dormouse-{version}-{machine}.tar", machine)
    (tree / "Makefile").write_text(
        f"images:\n\t@cp {made}/*.tar dist/\n"
        f"wheel:\n\t@{sys.executable} -m pip wheel -q --no-deps --no-build-isolation -w dist .\n"
    )
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=tree, check=True)
    for name, value in (("name", "ann"), ("email", "ann@example.org")):
        subprocess.run(["git", "config", f"user.{name}", value], cwd=tree, check=True)
    subprocess.run(["git", "add", "-A"], cwd=tree, check=True)
    subprocess.run(["git", "commit", "-qm", "tree"], cwd=tree, check=True)
    return tree


def release(clone: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    few = ["--no-tests", "--board", "nodemcu"]
    return subprocess.run(
        [sys.executable, ".ci/release.py", *few, *map(str, arguments)],
        cwd=clone, env={**os.environ, "PATH": path, "PYTHONPATH": str(clone)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.timeout(1200)  # it builds all that a release is of
def test_what_a_release_is(clone: Path, registry: str, tmp_path: Path):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    version = (clone / "VERSION").read_text().strip()
    done = release(clone, "--key", key, "--registry", f"{registry}/home/dormouse")
    assert done.returncode == 0, done.stdout + done.stderr

    made = clone / "dist/release" / version
    names = {file.name for file in made.iterdir()}
    firmware = f"dormouse-firmware-{version}"
    assert {
        f"dormouse_home-{version}-py3-none-any.whl", "sbom.cdx.json", "licences.txt", "CHANGES.md",
        f"{firmware}.tar.gz", f"{firmware}-nodemcu.tar.gz", f"dormouse-{version}-amd64.tar",
        f"dormouse-{version}-arm64.tar", "SHA256SUMS", "SHA256SUMS.sig",
    } <= names  # fmt: skip
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=made, check=True)
    summed = {line.split()[1] for line in (made / "SHA256SUMS").read_text().splitlines()}
    assert summed == names - {"SHA256SUMS", "SHA256SUMS.sig"}
    signers = tmp_path / "signers"
    signers.write_text(f"releases {key.with_suffix('.pub').read_text()}")

    def verified() -> int:
        return subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "releases", "-n",
             "dormouse-release", "-s", made / "SHA256SUMS.sig"],
            input=(made / "SHA256SUMS").read_bytes(), capture_output=True, check=False,
        ).returncode  # fmt: skip

    assert verified() == 0
    with tarfile.open(made / f"{firmware}-nodemcu.tar.gz") as archive:
        assert any(name.endswith("dormouse.romfs") for name in archive.getnames())
    log = (clone / "CHANGELOG.md").read_text()
    assert f"## {version} (20" in log
    tags = subprocess.run(["git", "tag"], cwd=clone, capture_output=True, text=True, check=True)
    assert tags.stdout.split() == [f"v{version}"]

    # Both names are one index over both machines, and nothing else is in the registry.
    answers = [
        httpx.get(f"http://{registry}/v2/home/dormouse/manifests/{tag}", headers={"Accept": INDEX})
        for tag in (version, "latest")
    ]
    assert answers[0].content == answers[1].content
    platforms = [one["platform"] for one in answers[0].json()["manifests"]]
    assert platforms == [{"architecture": one, "os": "linux"} for one in ("amd64", "arm64")]

    # Once more: it was released, and nothing that is shipped has changed.
    again = release(clone)
    assert again.returncode == 1
    assert f"{version} was released, and nothing that is shipped changed since" in again.stderr
    (clone / "hub/more.py").write_text("")
    refused = release(clone)
    assert "there are uncommitted changes" in refused.stderr
    # A sum that was changed is not what was signed.
    (made / "SHA256SUMS").write_text("0" * 64 + "  sbom.cdx.json\n")
    assert verified() != 0
