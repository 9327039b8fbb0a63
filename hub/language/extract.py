"""`python -m hub.language.extract`: write the catalogues anew from what the sources say.

What is new is there untranslated, what is said no more is gone, what only changed a little is
marked as doubtful (fuzzy) with its old translation.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from hub.language.words import ENGLISH, LANGUAGES

__all__ = ["extracted", "written"]

Message: TypeAlias = str | tuple[str, str]

# How many messages a call has. Babel's own readers see neither into f-strings nor into the
# templates of scripts.
_CALLS = {"_": 1, "N_": 1, "ngettext": 2}
_SAID = re.compile(r"""\bsay(N?)\(\s*(["'])(.+?)\2(?:,\s*(["'])(.+?)\4)?""")
_HEADER = "# What Dormouse says to people: python -m hub.language.extract writes this."
_HERE = Path(__file__).parent


def extracted(root: Path) -> Catalog:
    """What is said by the sources below `root`/hub, in the order of files and lines."""
    found = Catalog(project="Dormouse", charset="utf-8", fuzzy=False, header_comment=_HEADER)
    for path in sorted((root / "hub").rglob("*")):
        if path.suffix in _READERS:
            name = path.relative_to(root).as_posix()
            for line, message in _READERS[path.suffix](path.read_text()):
                found.add(message, None, [(name, line)])
    return found


def _in_python(source: str) -> Iterator[tuple[int, Message]]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        wanted = node.args[: _CALLS.get(node.func.id, 0)]
        texts = [one.value for one in wanted if isinstance(one, ast.Constant)]
        if texts and len(texts) == len(wanted) and all(isinstance(one, str) for one in texts):
            yield node.lineno, str(texts[0]) if len(texts) == 1 else (str(texts[0]), str(texts[1]))


def _in_script(source: str) -> Iterator[tuple[int, Message]]:
    for found in _SAID.finditer(source):
        line = source.count("\n", 0, found.start()) + 1
        yield line, (found[3], found[5]) if found[1] else found[3]


_READERS = {".py": _in_python, ".js": _in_script}


def written(found: Catalog) -> bytes:
    """A catalogue as its file: with the files that say a message, without lines and dates."""
    text = io.BytesIO()
    write_po(text, found, width=100, omit_header=False, include_lineno=False, ignore_obsolete=True)
    dated = (
        "POT-Creation-Date",
        "PO-Revision-Date",
        "Last-Translator",
        "Generated-By",
        "Report-Msgid",
    )
    lines = text.getvalue().decode().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(tuple(f'"{name}' for name in dated))]
    return "".join(kept).encode()


def main() -> None:
    """Write messages.pot, and bring the others up to it."""
    template = extracted(_HERE.parent.parent)
    (_HERE / "messages.pot").write_bytes(written(template))
    for language in LANGUAGES:
        if language == ENGLISH:
            continue
        path = _HERE / f"{language}.po"
        known = path.read_bytes() if path.exists() else b""
        one = (
            read_po(io.BytesIO(known), locale=language)
            if known
            else Catalog(language, header_comment=_HEADER)
        )
        one.update(template, no_fuzzy_matching=False)
        path.write_bytes(written(one))
        lacking = sum(
            1 for each in one if each.id and (not each.string or each.fuzzy or not all(each.string))
        )
        print(f"{path.name}: {len(one)} messages, {lacking} to translate")


if __name__ == "__main__":
    main()
