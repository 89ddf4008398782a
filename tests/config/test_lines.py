"""The line numbers in error messages are those of an editor, whatever the file looks like."""

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.config import example
from flicbridge.config.lines import Where, key_lines, line_of

DOCUMENT = '''\
# A comment with [brackets] and a = sign
top = 1   # line 2
"quoted.key" = "a # no comment ] }"

[table]
dotted.key = 'literal \\'
text = """
[not.a.table]
fake = 1
""quotes"""""
literal = \'\'\'
fake = 2 \\\'\'\'
date = 1979-05-27 07:32:00 # line 13
"caf\\u00e9" = true

[[list]]
name = "first"
inline = { a = [1, 2], b.c = "x" }
[[list.inner]]
x = 1
[[list.inner]]
x = 2
[list.last]
y = 3

[[list]]
numbers = [
  1, # one
  # nothing
  [ 2,
    3 ],
  { z = 4 },
]
'''

LINES: dict[Where, int] = {
    ("top",): 2,
    ("quoted.key",): 3,
    ("table",): 5,
    ("table", "dotted", "key"): 6,
    ("table", "text"): 7,
    ("table", "literal"): 11,
    ("table", "date"): 13,
    ("table", "café"): 14,
    ("list", 0): 16,
    ("list", 0, "inline", "a", 1): 18,
    ("list", 0, "inline", "b", "c"): 18,
    ("list", 0, "inner", 0, "x"): 20,
    ("list", 0, "inner", 1): 21,
    ("list", 0, "last", "y"): 24,
    ("list", 1): 26,
    ("list", 1, "numbers", 0): 28,
    ("list", 1, "numbers", 1): 30,
    ("list", 1, "numbers", 1, 1): 31,
    ("list", 1, "numbers", 2, "z"): 32,
}


def places(value: object, where: Where = ()) -> set[Where]:
    """Every place in parsed data."""
    inner: set[Where] = set()
    if isinstance(value, dict):
        inner = {place for key, item in value.items() for place in places(item, (*where, key))}
    elif isinstance(value, list):
        inner = {place for index, item in enumerate(value) for place in places(item, (*where, index))}
    return inner | {where} if where else inner


@pytest.mark.parametrize(("where", "line"), LINES.items(), ids=str)
def test_a_key_is_found_on_its_line(where: Where, line: int) -> None:
    assert key_lines(DOCUMENT)[where] == line


def test_windows_line_endings_count_once() -> None:
    assert key_lines(DOCUMENT.replace("\n", "\r\n")) == key_lines(DOCUMENT)


@pytest.mark.parametrize("text", [DOCUMENT, example()], ids=["document", "example"])
def test_exactly_the_keys_that_the_parser_sees_have_lines(text: str) -> None:
    assert set(key_lines(text)) == places(tomllib.loads(text))


def test_what_is_not_written_down_is_on_the_line_of_the_table_around_it() -> None:
    lines = key_lines(DOCUMENT)
    assert line_of(("list", 1, "name"), lines) == 26
    assert line_of(("list", 0, "inner", 1, "deep", 7), lines) == 21
    assert line_of(("nowhere",), lines) is None
    assert line_of((), lines) is None


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=6)
values = st.recursive(
    texts | st.integers(-9, 9) | st.booleans() | st.floats(allow_nan=False) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.dictionaries(texts, values, max_size=4))
def test_any_document_gets_a_line_for_each_of_its_keys(raw: dict[str, Any]) -> None:
    text = tomlkit.dumps(raw)
    lines = key_lines(text)
    assert set(lines) == places(tomllib.loads(text))
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
