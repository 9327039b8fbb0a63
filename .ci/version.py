"""The version, and the changelog's section of it: `python .ci/version.py bump PART | section`.

`bump major|minor|patch` raises VERSION by bump-my-version, and the changelog's heading with it:
that of a version which was not released is renamed, else a new one is begun. `bump changed` raises
the patch where VERSION was released already and something that goes into wheel or images changed
since; it says which. `section` prints what changed in this version. `release DATE` dates it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

__all__ = ["bump", "changed_since_release", "dated", "section", "with_heading"]

_PARTS = ("major", "minor", "patch")
_HEADING = re.compile(r"^## (\S+) \(([^)]+)\)$", re.MULTILINE)
_UNRELEASED = "unreleased"
# Besides what the wheel takes (pyproject.toml): what it is made of and by, and the images.
_MORE = ("pyproject.toml", "requirements/run.txt", "partitions.csv", "LICENSE")


class VersionError(Exception):
    """The version or its changelog is not as it must be; the message says what to do."""


def with_heading(changelog: str, version: str) -> str:
    """The changelog with an unreleased section for a version at its top."""
    first = _HEADING.search(changelog)
    if first is None:
        raise VersionError("CHANGELOG.md has no heading `## VERSION (unreleased)`")
    heading = f"## {version} ({_UNRELEASED})"
    if first[2] == _UNRELEASED:
        return changelog[: first.start()] + heading + changelog[first.end() :]
    return f"{changelog[: first.start()]}{heading}\n\n{changelog[first.start() :]}"


def section(changelog: str, version: str) -> str:
    """What changed in a version."""
    headings = list(_HEADING.finditer(changelog))
    for number, found in enumerate(headings):
        if found[1] == version:
            more = headings[number + 1 :]
            text = changelog[found.end() : more[0].start() if more else None].strip()
            if text:
                return text
            raise VersionError(f"CHANGELOG.md says nothing of what changed in {version}")
    raise VersionError(f"CHANGELOG.md has no section of {version}")


def dated(changelog: str, version: str, date: str) -> str:
    """The changelog with the section of a version as released on a date."""
    open_ = f"## {version} ({_UNRELEASED})"
    if open_ not in changelog:
        raise VersionError(f"CHANGELOG.md has no `{open_}`: it was released, or never begun")
    return changelog.replace(open_, f"## {version} ({date})", 1)


def _git(top: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=top, capture_output=True, text=True, check=False)
    if done.returncode:
        raise VersionError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def shipped(top: Path) -> list[str]:
    """Files and folders that go into wheel and images."""
    project = tomllib.loads((top / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    return [*wheel, *_MORE]


def changed_since_release(top: Path, version: str) -> list[str]:
    """What goes into wheel and images and is not as in the release `v<version>`.

    Nothing where there was no such release.
    """
    tag = f"v{version}"
    if not _git(top, "tag", "--list", tag):
        return []
    return _git(top, "diff", "--name-only", tag, "--", *shipped(top)).splitlines()


def bump(top: Path, part: str) -> str:
    """Raise VERSION and the changelog's heading; the version then."""
    file = top / "VERSION"
    current = file.read_text("utf-8").strip()
    if part == "changed":
        changed = changed_since_release(top, current)
        if not changed:
            return current
        print(f"{current} was released; since then changed: {', '.join(changed[:5])}")
        part = "patch"
    if part not in _PARTS:
        raise VersionError(f"{part}: major, minor, patch or changed")
    subprocess.run(
        ["bump-my-version", "bump", part, "--current-version", current, "--allow-dirty",
         "--no-commit", "--no-tag", "VERSION"],
        cwd=top, check=True,
    )  # fmt: skip
    version = file.read_text("utf-8").strip()
    log = top / "CHANGELOG.md"
    log.write_text(with_heading(log.read_text("utf-8"), version), "utf-8")
    print(f"{current} -> {version}")
    return version


def main(arguments: list[str]) -> int:
    """The exit status."""
    top = Path.cwd()
    version = (top / "VERSION").read_text("utf-8").strip()
    log = top / "CHANGELOG.md"
    try:
        match arguments:
            case ["bump", part]:
                bump(top, part)
            case ["section"]:
                print(section(log.read_text("utf-8"), version))
            case ["release", date]:
                log.write_text(dated(log.read_text("utf-8"), version, date), "utf-8")
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except VersionError as error:
        print(f"version: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
