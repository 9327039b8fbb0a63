"""Images of several machines under one name: `python .ci/images.py ARCHIVE... --to NAME:TAG ...`.

Each ARCHIVE is the image of one machine, as `make images` leaves them: docker's form or OCI's. They
are gathered in one OCI layout with an index over them, which skopeo copies to every NAME:TAG.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

_INDEX = "application/vnd.oci.image.index.v1+json"
_REF = "org.opencontainers.image.ref.name"


class ImagesError(Exception):
    """The archives cannot be put under one name."""


def skopeo(*arguments: str) -> None:
    """Raises ImagesError with skopeo's last line."""
    try:
        done = subprocess.run(
            ["skopeo", "--insecure-policy", *arguments],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise ImagesError("skopeo is not here: apt-get install skopeo") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no output"]
        raise ImagesError(f"skopeo {arguments[0]}: {said[-1]}")


def _blob(layout: Path, digest: str) -> dict[str, Any]:
    kind, _, name = digest.partition(":")
    found: dict[str, Any] = json.loads((layout / "blobs" / kind / name).read_bytes())
    return found


def _form(archive: Path) -> str:
    """What skopeo calls it."""
    try:
        with tarfile.open(archive) as tar:
            names = {member.name for member in tar}
    except (OSError, tarfile.TarError) as error:
        raise ImagesError(f"{archive}: {error}") from None
    return "oci-archive" if "oci-layout" in names else "docker-archive"


def gathered(archives: list[Path], layout: Path) -> list[str]:
    """Copy images into one layout under an index called `all`; the machines they are for."""
    for number, archive in enumerate(archives):
        skopeo("copy", f"{_form(archive)}:{archive}", f"oci:{layout}:{number}")
    file = layout / "index.json"
    manifests = json.loads(file.read_text("utf-8"))["manifests"]
    described = []
    for one in manifests:
        config = _blob(layout, _blob(layout, one["digest"])["config"]["digest"])
        platform = {"os": config["os"], "architecture": config["architecture"]}
        described.append(
            {k: one[k] for k in ("mediaType", "digest", "size")} | {"platform": platform}
        )
    described.sort(key=lambda one: one["platform"]["architecture"])
    machines = [one["platform"]["architecture"] for one in described]
    if len(set(machines)) != len(archives):
        raise ImagesError(f"two images are for the same machine: {', '.join(machines)}")
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": described}
    text = json.dumps(index, separators=(",", ":"), sort_keys=True).encode()
    digest = hashlib.sha256(text).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(text)
    entry = {
        "mediaType": _INDEX,
        "digest": f"sha256:{digest}",
        "size": len(text),
        "annotations": {_REF: "all"},
    }
    file.write_text(json.dumps({"schemaVersion": 2, "manifests": [*described, entry]}), "utf-8")
    return machines


def push(archives: list[Path], targets: list[str], *, plain: bool = False) -> list[str]:
    """Put the images under every target, `host/name:tag`; the machines they are for.

    `plain`: a registry without TLS, on this machine. Raises ImagesError.
    """
    with tempfile.TemporaryDirectory(prefix="dormouse-images-") as folder:
        layout = Path(folder) / "oci"
        machines = gathered(archives, layout)
        for target in targets:
            skopeo(
                "copy", "--all", *(["--dest-tls-verify=false"] if plain else []),
                f"oci:{layout}:all", f"docker://{target}",
            )  # fmt: skip
    return machines


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", nargs="+", type=Path)
    parser.add_argument("--to", action="append", required=True, metavar="NAME:TAG")
    parser.add_argument("--plain", action="store_true", help="the registry speaks no TLS")
    given = parser.parse_args()
    try:
        machines = push(given.archive, given.to, plain=given.plain)
    except ImagesError as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    for target in given.to:
        print(f"{target}: {', '.join(machines)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
