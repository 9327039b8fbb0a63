"""What a file is that somebody took for firmware, and what to do instead."""

from __future__ import annotations

from contracts import image
from contracts.errors import ContractError
from contracts.ota import canned
from hub.language.words import N_, _

__all__ = ["advice", "what_is"]

_MAGIC = {
    b"\x89PNG": N_("a PNG picture"),
    b"\xff\xd8\xff": N_("a JPEG picture"),
    b"GIF8": N_("a GIF picture"),
    b"%PDF": N_("a PDF document"),
    b"PK\x03\x04": N_("a ZIP archive"),
    b"\x1f\x8b": N_("a gzip archive"),
    b"BZh": N_("a bzip2 archive"),
    b"\xfd7zXZ": N_("an xz archive"),
    b"Rar!": N_("a RAR archive"),
    b"7z\xbc\xaf": N_("a 7-Zip archive"),
    b"\x7fELF": N_("a program for a computer (ELF)"),
    b"MZ": N_("a program for Windows"),
    b"M\x06": N_("a compiled MicroPython module (.mpy)"),
    b"-----BEGIN": N_("a key or certificate; keep it to yourself"),
    b"<!DOC": N_("a web page"),
    b"<html": N_("a web page"),
    b"\xd2\xcd\x31": N_("a ROMFS image: files for a device, not its firmware"),
}
_ENOUGH_TEXT = 4096  # bytes of a file that tell whether it is text


def what_is(data: bytes) -> str:
    """In a few words: "an empty file", "a PNG picture", "an image for flashing, not signed"."""
    if not data:
        return _("an empty file")
    if canned.is_canned(data):
        return _("a signed update")
    known = (_(words) for magic, words in _MAGIC.items() if data.startswith(magic))
    return next(known, None) or _image(data) or _text(data) or _("something that is not known here")


def _image(data: bytes) -> str:
    try:
        kind = image.parse(data).kind
    except ContractError:
        return ""
    return _("an ESP8266 image ({kind}) that is not signed for updates", kind=kind)


def _text(data: bytes) -> str:
    try:
        data[:_ENOUGH_TEXT].decode()
    except UnicodeDecodeError as error:
        # Cut within a character it is text all the same.
        if error.start < _ENOUGH_TEXT - 4:
            return ""
    return _("a text file")


def advice(data: bytes) -> str:
    """What makes an update of it, or where one comes from."""
    if canned.is_canned(data):
        return _("Make it again with `dormouse sign`, and compare both files' sizes.")
    try:
        image.parse(data)
    except ContractError:
        return _(
            "An update ends in .ota: it comes with a release of the firmware, or `make "
            "firmware` builds an image and `dormouse sign firmware-ota.bin --version "
            "1.2.3` makes it one."
        )
    return _(
        "Sign it where your key is: `dormouse sign FILE --version 1.2.3 --board "
        "BOARD`, or put it here in one go with `dormouse firmware add FILE`. The hub "
        "has no keys."
    )
