"""Whatever stands in a file, the answer is settings or a ConfigError with something to say."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.config import check, example
from flicbridge.config.lines import Where
from flicbridge.credentials import Credentials
from flicbridge.errors import ConfigError, Problem

FILE = Path("practice.toml")
EXAMPLE = tomllib.loads(example())


def places(value: object, where: Where = ()) -> list[Where]:
    """Every place in the data."""
    inner: list[Where] = []
    if isinstance(value, dict):
        inner = [place for key, item in value.items() for place in places(item, (*where, key))]
    elif isinstance(value, list):
        inner = [place for index, item in enumerate(value) for place in places(item, (*where, index))]
    return [where, *inner] if where else inner


def value_at(where: Where) -> Any:
    value: Any = EXAMPLE
    for step in where:
        value = value[step]
    return value


KEYS = sorted({step for where in places(EXAMPLE) for step in where if isinstance(step, str)})
WORDS = sorted({value for where in places(EXAMPLE) if isinstance(value := value_at(where), str)})

scalars = (
    st.sampled_from([*WORDS, "99999h", "https://u:p@x.fr", "../x", "15"])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.booleans()
    | st.datetimes()
    | st.dates()
    | st.times()
)
keys = st.sampled_from(KEYS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=12,
)


def verdict(raw: dict[str, Any], credentials: Credentials | None) -> None:
    """Check the data as a file: it must be taken or be refused, with reasons."""
    for problem in reasons(raw, credentials):
        assert problem.where
        assert problem.what
        assert problem.remedy
        assert "pydantic" not in str(problem)


def reasons(raw: dict[str, Any], credentials: Credentials | None) -> tuple[Problem, ...]:
    try:
        check(tomlkit.dumps(raw), FILE, credentials)
    except ConfigError as error:
        return error.problems or pytest.fail("refused without a reason")
    return ()


@settings(deadline=None)
@given(st.dictionaries(keys, values, max_size=8))
def test_any_table_is_taken_or_refused_with_reasons(raw: dict[str, Any]) -> None:
    verdict(raw, Credentials([]))


@settings(max_examples=60, deadline=None)
@given(where=st.sampled_from(places(EXAMPLE)), value=values)
def test_the_example_with_anything_replaced_is_taken_or_refused(where: Where, value: Any) -> None:
    raw, outer = copied(where)
    outer[where[-1]] = value
    verdict(raw, None)


@settings(max_examples=60, deadline=None)
@given(where=st.sampled_from(places(EXAMPLE)))
def test_the_example_with_anything_removed_is_taken_or_refused(where: Where) -> None:
    raw, outer = copied(where)
    del outer[where[-1]]
    verdict(raw, None)


def copied(where: Where) -> tuple[dict[str, Any], Any]:
    """The example's data, and the table or list in it that holds a place."""
    raw = outer = copy.deepcopy(EXAMPLE)
    for step in where[:-1]:
        outer = outer[step]  # type: ignore[index]
    return raw, outer


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_is_taken_or_refused_with_reasons(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check(text, FILE, None)
    assert raised.value.problems
