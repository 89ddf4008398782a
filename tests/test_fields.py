"""Names, lines and values in messages."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.fields import LONGEST_LINE, SLUG_PATTERN, line, optional_line, shown, slug


@pytest.mark.parametrize("name", ["poche", "tilleuls-1", "a", "9_b", "x" * 40])
def test_a_short_plain_name_is_taken_as_it_is(name: str) -> None:
    assert slug(name) == name


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("Cabinet 2", "cabinet-2"),
        ("Éloïse & Cie", "eloise-cie"),
        ("-x-", "x"),
        ("", "poche"),
        ("日本", "riben"),
    ],
)
def test_another_name_is_refused_with_the_nearest_that_would_do(text: str, near: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f'such as "{near}"')):
        slug(text)


@given(st.text())
def test_whatever_is_offered_as_a_name_is_one(text: str) -> None:
    try:
        assert slug(text) == text
    except ValueError as error:
        offered = str(error).rpartition('such as "')[2].removesuffix('"')
        assert re.fullmatch(SLUG_PATTERN, offered)


def test_a_line_loses_the_blanks_around_it_and_keeps_those_inside() -> None:
    assert line("  Dr Anne\u00a0Martin ") == "Dr Anne\u00a0Martin"
    assert optional_line("  ") == ""


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "a\tb", "a\u2028b", "a\x00", "x" * (LONGEST_LINE + 1)])
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="; "):
        line(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("poche", '"poche"'),
        ("a\nb", '"a\\nb"'),
        ("x" * 70, f'"{"x" * 60}..."'),
        (True, "true"),
        (12.5, "12.5"),
        (10**30, "a huge number"),
        ({"a": 1}, "a table"),
        ([1], "a list"),
        (date(2026, 11, 22), "2026-11-22"),
    ],
)
def test_a_value_is_shown_in_a_message_as_the_file_has_it(value: object, text: str) -> None:
    assert shown(value) == text
