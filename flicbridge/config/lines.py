"""On which line of a TOML file each key stands, so that a mistake can be found with an editor.

The parser of the standard library does not say. This one reads only as much of TOML as that takes, and only
documents which that parser has accepted, so it never has to doubt what it sees.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

type Where = tuple[str | int, ...]
"""The way to a value: keys of tables and indexes of lists."""

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY: Final = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*'""")
# A multi-line string may end in five quotes: two of its own before the closing three.
_STRING: Final = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?'{3,5}|"(?:\\.|[^"\\])*"|'[^']*\'''', re.DOTALL
)
_SCALAR: Final = re.compile(r"[^,\]}#\n]+")


def line_of(where: Where, lines: dict[Where, int]) -> int | None:
    """The line of a value, or of the innermost table around it that is written down; None for the file."""
    for length in range(len(where), 0, -1):
        if (line := lines.get(where[:length])) is not None:
            return line
    return None


def key_lines(text: str) -> dict[Where, int]:
    """Say where everything is.

    Args:
        text: a TOML document that `tomllib` accepts.

    Returns:
        The line, from 1, on which each key, table and list entry is first named.
    """
    return _Reader(text).read()


class _Reader:
    """One pass over one document."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._ends = [found.start() for found in re.finditer("\n", text)]
        self._lines: dict[Where, int] = {}
        self._lengths: dict[Where, int] = {}  # of each array of tables, so far

    def read(self) -> dict[Where, int]:
        table: Where = ()
        while self._skip_blank() < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _header(self) -> Where:
        """Read `[table]` or `[[array of tables]]`; return the table that the next keys belong to."""
        brackets = 2 if self._text.startswith("[[", self._at) else 1
        self._at += brackets
        table: Where = ()
        for key in self._dotted_key():
            table = (*self._newest(table), key)
            self._note(table)
        self._at += brackets
        if brackets == 2:
            self._lengths[table] = self._lengths.get(table, 0) + 1
            self._note(self._newest(table))
        return self._newest(table)

    def _newest(self, where: Where) -> Where:
        """A header names an array of tables and means its last table so far."""
        length = self._lengths.get(where)
        return where if length is None else (*where, length - 1)

    def _pair(self, table: Where) -> None:
        where = table
        for key in self._dotted_key():
            where = (*where, key)
            self._note(where)
        self._skip_blank()
        self._at += len("=")
        self._value(where)

    def _dotted_key(self) -> Iterator[str]:
        more = True
        while more:
            self._skip_blank()
            yield _plain(self._take(_KEY))
            self._skip_blank()
            more = self._text.startswith(".", self._at)
            self._at += more

    def _value(self, where: Where) -> None:
        self._skip_blank()
        match self._text[self._at]:
            case "[":
                self._list(where)
            case "{":
                self._inline_table(where)
            case '"' | "'":
                self._take(_STRING)
            case _:
                self._take(_SCALAR)
        self._skip_blank()

    def _list(self, where: Where) -> None:
        self._at += len("[")
        index = 0
        while self._skip_blank() and not self._text.startswith("]", self._at):
            self._note((*where, index))
            self._value((*where, index))
            self._at += self._text.startswith(",", self._at)
            index += 1
        self._at += len("]")

    def _inline_table(self, where: Where) -> None:
        self._at += len("{")
        while self._skip_blank() and not self._text.startswith("}", self._at):
            self._pair(where)
            self._at += self._text.startswith(",", self._at)
        self._at += len("}")

    def _note(self, where: Where) -> None:
        self._lines.setdefault(where, bisect_right(self._ends, self._at - 1) + 1)

    def _skip_blank(self) -> int:
        self._take(_BLANK)
        return self._at

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        assert found is not None, f"tomllib would have refused {self._text[self._at : self._at + 20]!r}"  # noqa: S101
        self._at = found.end()
        return found.group()


def _plain(key: str) -> str:
    """A key without its quotes and escapes."""
    return str(tomllib.loads(f"key = {key}")["key"]) if key[0] in "\"'" else key
