"""Bytes as they come, cut into lines and into rows of CSV; no more of it is held than a block."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from hub.imports.model import UnreadableFileError

__all__ = ["CsvRecords", "Lines"]

_LONGEST = 1 << 20
"""Bytes of a line, or of a row with line breaks in quotes."""
_ZERO = "\x00"


class Lines:
    """Whole lines, with their numbers from 1.

    With `quoted` a line break within double quotes ends none. UTF-8, with a byte order mark or
    without. Raises UnreadableFileError.
    """

    def __init__(self, *, quoted: bool) -> None:
        self._quoted = quoted
        self._rest = b""
        self.next_line = 1

    def feed(self, chunk: bytes) -> tuple[int, str]:
        """The number of the first line that is whole now, and the lines."""
        block = self._rest + chunk
        end = self._end_of_lines(block)
        self._rest = block[end:]
        if len(self._rest) > _LONGEST:
            why = ": is a quote opened there and not closed?" if self._quoted else ""
            raise UnreadableFileError(
                f"line {self._next_after(block[:end])} is longer than 1 MiB{why}"
            )
        return self._taken(block[:end])

    def finish(self) -> tuple[int, str]:
        """What is left when nothing comes any more."""
        block, self._rest = self._rest, b""
        return self._taken(block)

    def _end_of_lines(self, block: bytes) -> int:
        if not self._quoted:
            return block.rfind(b"\n") + 1
        # Between quotes, from the last one on: the last line break that is in none.
        end, within = len(block), block.count(b'"') % 2 == 1
        while True:
            begin = block.rfind(b'"', 0, end) + 1
            if not within and (found := block.rfind(b"\n", begin, end)) >= 0:
                return found + 1
            if begin == 0:
                return 0
            end, within = begin - 1, not within

    def _next_after(self, block: bytes) -> int:
        return self.next_line + block.count(b"\n")

    def _taken(self, block: bytes) -> tuple[int, str]:
        first = self.next_line
        if first == 1 and block.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UnreadableFileError("the file is UTF-16: save it as UTF-8")
        try:
            text = block.decode("utf-8-sig" if first == 1 else "utf-8")
        except UnicodeDecodeError as error:
            line = self._next_after(block[: error.start])
            raise UnreadableFileError(f"line {line} is not UTF-8: save the file as that") from None
        if _ZERO in text:
            line = first + text.count("\n", 0, text.index(_ZERO))
            raise UnreadableFileError(f"line {line} has a zero byte: this is no text")
        self.next_line += block.count(b"\n") + (not block.endswith(b"\n") and bool(block))
        return first, text


class CsvRecords:
    """Rows of CSV, each with the number of its (last) line.

    What is between cells is found in the first line: a comma, a semicolon or a tab.
    """

    def __init__(self) -> None:
        self._lines = Lines(quoted=True)
        self.separator = ""

    def feed(self, chunk: bytes) -> Iterator[tuple[int, list[str]]]:
        """The rows that are whole now."""
        yield from self._rows(*self._lines.feed(chunk))

    def finish(self) -> Iterator[tuple[int, list[str]]]:
        """The last row, where no line break ends it."""
        yield from self._rows(*self._lines.finish())

    def _rows(self, first: int, text: str) -> Iterator[tuple[int, list[str]]]:
        if not text:
            return
        self.separator = self.separator or separator_of(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.separator)
        try:
            for row in reader:
                yield first + reader.line_num - 1, row
        except csv.Error as error:
            line = first + reader.line_num - 1
            raise UnreadableFileError(f"line {line} is no CSV: {error}") from None


def separator_of(text: str) -> str:
    """What is between the cells of the first line."""
    line = text.lstrip("\r\n").split("\n", 1)[0]
    return max((",", ";", "\t"), key=line.count)
